/* privs.c - giving up root, in the only order that works: supplementary groups, group, user, and then, for good, the
 * way back through programs with the setuid bit.
 *
 * Capabilities that are to be kept survive the change of the user as permitted ones (PR_SET_KEEPCAPS).  A reload's
 * execve would lose them, so they are lent to the next image as ambient ones. */
#include "privs.h"

#include "handover.h"
#include "option.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <uwsgi/log.h>

#define LENT "ambient capabilities"

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

/* ---- capabilities ---- */

int privs_caps(const char *text, uint64_t *caps_r, const char **unknown_r, int *length_r)
{
	uint64_t caps = 0;
	for (const char *at = text; *at;) {
		char name[64];
		int n = (int)strcspn(at, ", ");
		bool whole = !strncasecmp(at, "cap_", 4);
		cap_value_t cap;
		snprintf(name, sizeof name, "%s%.*s", whole ? "" : "cap_", n, at);
		if (n && cap_from_name(name, &cap) == -1) {
			*unknown_r = at;
			*length_r = n;
			return -EINVAL;
		}
		if (n)
			caps |= UINT64_C(1) << cap;
		at += n;
		at += strspn(at, ", ");
	}
	*caps_r = caps;
	return 0;
}

/* Exactly these, permitted, effective and inheritable. */
static int keep_caps(uint64_t caps)
{
	cap_t set = cap_init();
	int failed = set ? 0 : -ENOMEM;
	for (cap_value_t cap = 0; cap < 64 && !failed; cap++)
		for (cap_flag_t flag = CAP_EFFECTIVE; flag <= CAP_INHERITABLE; flag++)
			if (caps >> cap & 1 && cap_set_flag(set, flag, 1, &cap, CAP_SET) == -1)
				failed = -errno;
	if (!failed && cap_set_proc(set) == -1)
		failed = -errno;
	cap_free(set);
	return failed;
}

void privs_lend(const struct privs *p, struct handover *h)
{
	if (!p->caps || geteuid() == 0)
		return;
	for (cap_value_t cap = 0; cap < 64; cap++)
		if (p->caps >> cap & 1)
			cap_set_ambient(cap, CAP_SET); /* one this process never had cannot be lent */
	handover_keep(h, LENT, -1, "");
}

static void take_back(struct handover *h)
{
	handover_drop(h, LENT);
	cap_reset_ambient();
}

void privs_unlend(const struct privs *p, struct handover *h)
{
	if (p->caps && geteuid() != 0)
		take_back(h);
}

void privs_settle(struct handover *h)
{
	if (handover_claim(h, LENT, NULL, NULL))
		take_back(h);
}

/* ---- becoming somebody else ---- */

static int set_groups(const struct privs *p, const struct passwd *user, gid_t gid)
{
	const char *uid = p->uid ? p->uid : "";
	if (user && !p->no_initgroups && initgroups(user->pw_name, gid) == -1)
		return refuse("the groups of user", uid, errno);
	if ((!user || p->no_initgroups) && setgroups(0, NULL) == -1)
		return refuse("a member of no group as user", uid, errno);
	gid_t groups[NGROUPS_MAX];
	int count = getgroups(NGROUPS_MAX, groups);
	for (size_t i = 0; i < p->add_gid.n && count >= 0 && count < NGROUPS_MAX; i++)
		if (privs_gid(p->add_gid.v[i], &groups[count++]))
			return refuse("a member of group", p->add_gid.v[i], ENOENT);
	return count >= 0 && setgroups((size_t)count, groups) == -1 ? refuse("user", uid, errno) : 0;
}

static int find(const struct privs *p, uid_t *uid_r, gid_t *gid_r)
{
	if (privs_uid(p->uid, uid_r))
		return refuse("user", p->uid, ENOENT);
	if (privs_gid(p->gid, gid_r))
		return refuse("group", p->gid, ENOENT);
	const struct passwd *user = p->uid ? getpwuid(*uid_r) : NULL;
	if (!p->gid)
		*gid_r = user ? user->pw_gid : getgid();
	return 0;
}

static int become(const struct privs *p)
{
	uid_t uid;
	gid_t gid;
	int failed = find(p, &uid, &gid);
	if (failed || getuid() != 0 || (!p->uid && !p->gid))
		return failed;
	failed = set_groups(p, p->uid ? getpwuid(uid) : NULL, gid);
	if (failed)
		return failed;
	if (setgid(gid) == -1)
		return refuse("group", p->gid ? p->gid : "of the user", errno);
	if (!p->uid)
		return 0;
	if (p->caps && prctl(PR_SET_KEEPCAPS, 1) == -1)
		return refuse("user with capabilities", p->uid, errno);
	if (setuid(uid) == -1)
		return refuse("user", p->uid, errno);
	failed = p->caps && uid ? keep_caps(p->caps) : 0;
	return failed ? refuse("user with these capabilities", p->uid, -failed) : 0;
}

static enum privs_moment moment(const struct privs *p)
{
	return p->drop_after_apps ? PRIVS_LOADED : p->master_as_root ? PRIVS_CHILD : PRIVS_START;
}

int privs_drop(const struct privs *p, enum privs_moment now)
{
	if (now < moment(p))
		return 0;
	int failed = become(p);
	bool no_new_privs = p->no_new_privs == NO_NEW_PRIVS || (p->no_new_privs == NO_NEW_PRIVS_DEFAULT && p->uid);
	if (!failed && no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		failed = refuse("a process without new privileges as user", p->uid ? p->uid : "", errno);
	return failed;
}

const char *privs_owner(const struct privs *p)
{
	static char text[32]; /* for the option it becomes, which is as long as the process */
	uid_t uid;
	gid_t gid;
	if (geteuid() != 0 || (!p->uid && !p->gid) || find(p, &uid, &gid))
		return "";
	snprintf(text, sizeof text, "%u:%u", p->uid ? uid : getuid(), gid);
	return text;
}

int privs_check_root(const struct privs *p, bool compat)
{
	uid_t uid = 0;
	bool will_drop = moment(p) > PRIVS_START && p->uid && privs_uid(p->uid, &uid) == 0 && uid;
	if (geteuid() != 0 || will_drop || p->allow_root || compat)
		return 0;
	uwsgi_cause("refusing to run an application as root: give uid (and gid), or allow-root = true");
	return -EPERM;
}

/* ---- options ---- */

static int apply_caps(const char *key, const char *value, void *data)
{
	struct privs *p = data;
	const char *unknown;
	int length;
	uint64_t caps;
	if (privs_caps(value, &caps, &unknown, &length)) {
		uwsgi_log("%s = %s: there is no capability \"%.*s\", see capabilities(7)\n", key, value, length,
			  unknown);
		return -EINVAL;
	}
	p->caps |= caps;
	return 0;
}

static int apply_no_new_privs(const char *key, const char *value, void *data)
{
	(void)key;
	((struct privs *)data)->no_new_privs = option_is_true(value) ? NO_NEW_PRIVS : NEW_PRIVS;
	return 0;
}

/* While the configuration is read: what is read after this is read as somebody else. */
static int apply_immediate(const char *key, const char *value, void *data)
{
	bool user = !strcmp(key, "immediate-uid");
	const struct privs one = { .uid = user ? value : NULL, .gid = user ? NULL : value, .no_initgroups = true };
	(void)data;
	return become(&one);
}

#define FIELD(NAME) ((void *)offsetof(struct privs, NAME))
#define ROW(NAME, TYPE, FIELDNAME, HELP, ...)                                                                          \
	{                                                                                                              \
		.name = NAME, .type = UWSGI_OPT_##TYPE, .value = FIELD(FIELDNAME), .help = HELP,                       \
		.group = "privileges", __VA_ARGS__                                                                     \
	}
#define CALL(NAME, FN, HELP, ...)                                                                                      \
	{                                                                                                              \
		.name = NAME, .type = UWSGI_OPT_CALL, .apply = FN, .help = HELP, .group = "privileges", __VA_ARGS__    \
	}
/* clang-format off */
static const struct uwsgi_option rows[] = {
	ROW("uid", STR, uid, "user to become, name or number"),
	ROW("gid", STR, gid, "group to become, name or number (default: the user's)"),
	ROW("add-gid", LIST, add_gid, "further group of the processes"),
	ROW("no-initgroups", BOOL, no_initgroups, "without the supplementary groups of the user"),
	CALL("immediate-uid", apply_immediate, "become this user while the configuration is read", .flags = UWSGI_OPT_IMMEDIATE),
	CALL("immediate-gid", apply_immediate, "become this group while the configuration is read; before immediate-uid", .flags = UWSGI_OPT_IMMEDIATE),
	CALL("cap", apply_caps, "capabilities to keep when the user changes, separated by commas: net_bind_service,sys_nice"),
	CALL("no-new-privs", apply_no_new_privs, "no program the application runs gets more rights, sudo among them (default: true with uid)", .arg = UWSGI_ARG_OPTIONAL),
	ROW("allow-root", BOOL, allow_root, "run applications as root"),
	ROW("master-as-root", BOOL, master_as_root, "the master stays root, all others become the user"),
	ROW("drop-after-apps", BOOL, drop_after_apps, "the application is loaded as root; the master stays root"),
	ROW("drop-after-init", BOOL, drop_after_init, "accepted: root is given up after the plugins' start always"),
	{ 0 },
};
/* clang-format on */

struct privs *privs_register(struct option_registry *options)
{
	struct privs *p = calloc(1, sizeof *p);
	return p && option_register(options, "the kernel", rows, sizeof *rows, p) == 0 ? p : NULL;
}
