/* privs.c - giving up root, in the only order that works: supplementary groups, group, user. */
#include "privs.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>
#include <uwsgi/log.h>

#define ID_NONE ((unsigned long)(uid_t)-1)

/* The largest id means "leave it as it is" to the system calls, so it is nobody's.  Digits alone: a number that wraps
 * would name another user, root among them. */
static bool number(const char *text, unsigned long *n_r)
{
	unsigned long n = 0;
	const char *at = text;
	for (; *at >= '0' && *at <= '9' && n < ID_NONE; at++)
		n = n * 10 + (unsigned long)(*at - '0');
	*n_r = n;
	return at != text && !*at && n < ID_NONE;
}

int privs_uid(const char *text, uid_t *uid_r)
{
	unsigned long n;
	*uid_r = (uid_t)-1;
	if (!text)
		return 0;
	if (number(text, &n)) {
		*uid_r = (uid_t)n;
		return 0;
	}
	const struct passwd *user = getpwnam(text);
	if (!user)
		return -ENOENT;
	*uid_r = user->pw_uid;
	return 0;
}

int privs_gid(const char *text, gid_t *gid_r)
{
	unsigned long n;
	*gid_r = (gid_t)-1;
	if (!text)
		return 0;
	if (number(text, &n)) {
		*gid_r = (gid_t)n;
		return 0;
	}
	const struct group *group = getgrnam(text);
	if (!group)
		return -ENOENT;
	*gid_r = group->gr_gid;
	return 0;
}

static int refuse(const char *what, const char *value, int error)
{
	uwsgi_cause("cannot become %s \"%s\": %s", what, value, error == ENOENT ? "no such name" : strerror(error));
	return -error;
}

static int set_groups(const char *uid, uid_t uid_number, gid_t gid, const struct uwsgi_strings *add_gid)
{
	const struct passwd *user = uid ? getpwuid(uid_number) : NULL;
	if (user && initgroups(user->pw_name, gid) == -1)
		return refuse("the groups of user", uid, errno);
	if (!user && setgroups(0, NULL) == -1)
		return refuse("a member of no group as user", uid ? uid : "", errno);
	gid_t groups[NGROUPS_MAX];
	int count = getgroups(NGROUPS_MAX, groups);
	for (size_t i = 0; i < add_gid->n && count >= 0 && count < NGROUPS_MAX; i++)
		if (privs_gid(add_gid->v[i], &groups[count++]))
			return refuse("a member of group", add_gid->v[i], ENOENT);
	return count >= 0 && setgroups((size_t)count, groups) == -1 ? refuse("user", uid ? uid : "", errno) : 0;
}

int privs_drop(const char *uid, const char *gid, const struct uwsgi_strings *add_gid)
{
	uid_t uid_number;
	gid_t gid_number;
	if (privs_uid(uid, &uid_number))
		return refuse("user", uid, ENOENT);
	if (privs_gid(gid, &gid_number))
		return refuse("group", gid, ENOENT);
	if (getuid() != 0 || (!uid && !gid))
		return 0;
	const struct passwd *user = uid ? getpwuid(uid_number) : NULL;
	if (gid_number == (gid_t)-1)
		gid_number = user ? user->pw_gid : getgid();
	int failed = set_groups(uid, uid_number, gid_number, add_gid);
	if (failed)
		return failed;
	if (setgid(gid_number) == -1)
		return refuse("group", gid ? gid : "of the user", errno);
	if (uid && setuid(uid_number) == -1)
		return refuse("user", uid, errno);
	return 0;
}
