/* action_mount.c - actions that mount and unmount. */
#include "action_parts.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mount.h>

struct flag {
	const char *name;
	unsigned long bits;
};
/* clang-format off */
static const struct flag mount_flags[] = {
	{ "bind", MS_BIND }, { "rec", MS_REC }, { "recursive", MS_REC }, { "move", MS_MOVE }, { "remount", MS_REMOUNT },
	{ "ro", MS_RDONLY }, { "rdonly", MS_RDONLY }, { "readonly", MS_RDONLY },
	{ "nosuid", MS_NOSUID }, { "noexec", MS_NOEXEC }, { "nodev", MS_NODEV },
	{ "noatime", MS_NOATIME }, { "nodiratime", MS_NODIRATIME }, { "relatime", MS_RELATIME }, { "strictatime", MS_STRICTATIME },
	{ "private", MS_PRIVATE }, { "slave", MS_SLAVE }, { "shared", MS_SHARED }, { "unbindable", MS_UNBINDABLE },
	{ "sync", MS_SYNCHRONOUS }, { "dirsync", MS_DIRSYNC },
	{ 0 },
};
static const struct flag umount_flags[] = {
	{ "rec", MNT_DETACH }, { "recursive", MNT_DETACH }, { "detach", MNT_DETACH }, { "force", MNT_FORCE }, { "expire", MNT_EXPIRE },
	{ 0 },
};
/* clang-format on */

static int read_flags(const struct flag *table, const char *text, unsigned long *flags_r)
{
	unsigned long flags = 0;
	for (const char *at = text; *at; at += strspn(at, ", ")) {
		size_t n = strcspn(at, ", ");
		const struct flag *flag = table;
		while (flag->name && (strncmp(flag->name, at, n) || flag->name[n]))
			flag++;
		if (!flag->name)
			return -EINVAL;
		flags |= flag->bits;
		at += n;
	}
	*flags_r = flags;
	return 0;
}

int action_mount_flags(const char *text, unsigned long *flags_r)
{
	return read_flags(mount_flags, text, flags_r);
}

int action_umount_flags(const char *text, int *flags_r)
{
	unsigned long flags;
	int failed = read_flags(umount_flags, text, &flags);
	if (!failed)
		*flags_r = (int)flags;
	return failed;
}

int action_mount(struct call *call)
{
	const unsigned long for_later = MS_RDONLY | MS_NOSUID | MS_NOEXEC | MS_NODEV;
	unsigned long flags;
	char *type = action_word(call), *source = action_word(call), *target = action_word(call);
	if (!target)
		return action_misused(call, "mount:TYPE SOURCE DIRECTORY [FLAGS]");
	if (action_mount_flags(call->args, &flags))
		return action_misused(
			call, "mount:TYPE SOURCE DIRECTORY [FLAGS], with flags as bind,rec,ro,nosuid,noexec,nodev");
	if (mount(source, target, type, flags, NULL) == -1)
		return -errno;
	/* a bind takes the flags of what it binds, and its own only afterwards */
	bool again = flags & MS_BIND && flags & for_later && !(flags & MS_REMOUNT);
	return again ? action_done(mount(NULL, target, NULL, MS_REMOUNT | MS_BIND | (flags & for_later), NULL)) : 0;
}

int action_umount(struct call *call)
{
	int flags;
	size_t n = strcspn(call->args, ", ");
	const char *more = call->args[n] ? call->args + n + 1 : call->args + n;
	if (action_umount_flags(more, &flags))
		return action_misused(call, "umount:DIRECTORY[,rec|detach|force]");
	call->args[n] = 0;
	return action_done(umount2(call->args, flags));
}
