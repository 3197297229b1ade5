// Threads, for code under test that has but one: mutexes that nobody else holds, and waits that end
// when the test says so.
#pragma once

#include "kernel/mutex.h"
#include "kernel/percpu.h"
#include "kernel/thread.h"
#include "kernel/wait.h"

static struct thread fake_thread;
static struct percpu fake_cpu = {.self = &fake_cpu, .current = &fake_thread};
bool arch_never_interrupts;

static void fake_wait(void); // the test's: something happens, or it would wait for ever

struct percpu *fake_percpu(void)
{
    return &fake_cpu;
}

struct thread *thread_self(void)
{
    return &fake_thread;
}

enum status thread_park(uint64_t deadline_ns)
{
    (void)deadline_ns;
    fake_wait();
    return OK;
}

void thread_preempt(void)
{
}

bool mutex_try_lock(struct mutex *mutex)
{
    if (mutex->owner)
        return false;
    mutex->owner = (uintptr_t)&fake_thread;
    return true;
}

void mutex_lock(struct mutex *mutex)
{
    if (!mutex_try_lock(mutex))
        fail_msg("a mutex is taken twice");
}

void mutex_unlock(struct mutex *mutex)
{
    if (!mutex->owner)
        fail_msg("a mutex is let go that nobody has");
    mutex->owner = 0;
}

bool mutex_is_own(const struct mutex *mutex)
{
    return mutex->owner == (uintptr_t)&fake_thread;
}

enum status wait_on(struct wait_queue *queue, uintptr_t *state, uint64_t deadline_ns)
{
    (void)state, (void)deadline_ns;
    lock_release(&queue->lock);
    fake_wait();
    lock_acquire(&queue->lock);
    return OK;
}

void wait_grant_all(struct wait_queue *queue)
{
    (void)queue;
}
