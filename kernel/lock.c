/* lock.c - locks between processes that survive the death of their owner: POSIX robust mutexes in shared memory. */
#include <uwsgi/shm.h>

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

struct uwsgi_lock {
	pthread_mutex_t mutex;
	bool made; /* by this image of the server, or one before it */
};

struct uwsgi_lock *uwsgi_lock_create(const char *name)
{
	char memory[64 + sizeof "lock "];
	snprintf(memory, sizeof memory, "lock %s", name);
	struct uwsgi_lock *lock = uwsgi_shm_keep(memory, sizeof *lock);
	if (!lock || lock->made)
		return lock;
	pthread_mutexattr_t attr;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&lock->mutex, &attr);
	pthread_mutexattr_destroy(&attr);
	lock->made = true;
	return lock;
}

/* What a lock call returned, in our words; a mutex left by a dead owner is made usable again. */
static int taken(struct uwsgi_lock *lock, int result)
{
	if (result == 0)
		return 0;
	if (result == EBUSY)
		return -EBUSY;
	assert(result == EOWNERDEAD);
	pthread_mutex_consistent(&lock->mutex);
	return 1;
}

int uwsgi_lock_take(struct uwsgi_lock *lock)
{
	return taken(lock, pthread_mutex_lock(&lock->mutex));
}

int uwsgi_lock_try(struct uwsgi_lock *lock)
{
	return taken(lock, pthread_mutex_trylock(&lock->mutex));
}

void uwsgi_lock_give(struct uwsgi_lock *lock)
{
	pthread_mutex_unlock(&lock->mutex);
}
