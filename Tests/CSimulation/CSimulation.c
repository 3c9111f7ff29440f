#define _GNU_SOURCE
#include "CSimulation.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

// What is not declared by a header here: Swift's runtime, libdispatch and the runtime of blocks.
#define SWIFT __attribute__((swiftcall))
typedef SWIFT void (*SwiftHook)(void *job, void *original);
extern SwiftHook swift_task_enqueueGlobal_hook;
extern SWIFT void swift_job_run(void *job, void *executor, void *implementation);
extern void *_Block_copy(const void *);
extern void _Block_release(const void *);

typedef void (*Function)(void *);
typedef struct {
  int64_t at;       // when it may run, in nanoseconds
  uint64_t number;  // jobs are numbered as they come
  Function run;
  void *context;
  void *queue;  // jobs of one queue keep their order; NULL: of none
} Job;

static int began = 0;
static int64_t now = 0;
static int64_t wall = 0;
static uint64_t choices = 0, bytes_state = 0, numbers = 0, jobs_run = 0, digest = 0xcbf29ce484222325ull;

static Job *ready = NULL, *timers = NULL;
static size_t ready_count = 0, ready_room = 0, timer_count = 0, timer_room = 0;

// MARK: randomness

static uint64_t split_mix(uint64_t *state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15ull);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

static void fill(uint8_t *bytes, size_t count) {
  for (size_t i = 0; i < count; i++) bytes[i] = (uint8_t)split_mix(&bytes_state);
}

static void note(uint64_t value) {
  for (int i = 0; i < 8; i++) {
    digest ^= (value >> (8 * i)) & 0xff;
    digest *= 0x100000001b3ull;
  }
}

// MARK: what the kernel would say

static long kernel(long number, long a, long b, long c, long d, long e, long f) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

static long answer(long result) {
  if (result < 0 && result > -4096) {
    errno = (int)-result;
    return -1;
  }
  return result;
}

long syscall(long number, ...) {
  long argument[6];
  va_list list;
  va_start(list, number);
  for (int i = 0; i < 6; i++) argument[i] = va_arg(list, long);
  va_end(list);
  if (began && number == SYS_getrandom) {
    fill((uint8_t *)argument[0], (size_t)argument[1]);
    return argument[1];
  }
  return answer(kernel(number, argument[0], argument[1], argument[2], argument[3], argument[4], argument[5]));
}

ssize_t getrandom(void *buffer, size_t length, unsigned int flags) {
  return (ssize_t)syscall(SYS_getrandom, buffer, length, flags);
}

int getentropy(void *buffer, size_t length) { return getrandom(buffer, length, 0) == (ssize_t)length ? 0 : -1; }

// Foundation's UUIDs: it would read /dev/urandom for them.
void _foundation_uuid_generate_random(unsigned char uuid[16]) {
  (void)getrandom(uuid, 16, 0);
  uuid[6] = (uuid[6] & 0x0f) | 0x40;
  uuid[8] = (uuid[8] & 0x3f) | 0x80;
}

void arc4random_buf(void *buffer, size_t length) { (void)getrandom(buffer, length, 0); }

static int64_t clock_now(clockid_t clock) {
  switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_TAI: return wall + now;
    default: return now;
  }
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  if (!began) return (int)answer(kernel(SYS_clock_gettime, clock, (long)time, 0, 0, 0, 0));
  time->tv_sec = clock_now(clock) / 1000000000;
  time->tv_nsec = clock_now(clock) % 1000000000;
  return 0;
}

int gettimeofday(struct timeval *restrict value, void *restrict zone) {
  struct timespec time;
  (void)zone;
  if (clock_gettime(CLOCK_REALTIME, &time) != 0) return -1;
  value->tv_sec = time.tv_sec;
  value->tv_usec = time.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *place) {
  struct timespec value;
  clock_gettime(CLOCK_REALTIME, &value);
  if (place) *place = value.tv_sec;
  return value.tv_sec;
}

int pthread_create(
    pthread_t *restrict thread, const pthread_attr_t *restrict attributes, void *(*start)(void *),
    void *restrict argument) {
  if (began) {
    fprintf(stderr, "simulation: a thread would escape the seed\n");
    abort();
  }
  int (*original)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) = dlsym(RTLD_NEXT, "pthread_create");
  return original(thread, attributes, start, argument);
}

int simulation_fix_addresses(void) {
  int present = personality(0xffffffff);
  if (present & ADDR_NO_RANDOMIZE) return 0;
  return personality((unsigned long)present | ADDR_NO_RANDOMIZE) != -1;
}

// MARK: jobs

static Job *grow(Job *jobs, size_t count, size_t *room) {
  if (count < *room) return jobs;
  *room = *room ? *room * 2 : 1024;
  Job *more = realloc(jobs, *room * sizeof(Job));
  if (!more) abort();
  return more;
}

static void add_ready(Job job) {
  ready = grow(ready, ready_count, &ready_room);
  ready[ready_count++] = job;
}

static int earlier(const Job *left, const Job *right) {
  return left->at != right->at ? left->at < right->at : left->number < right->number;
}

static void add_timer(Job job) {
  timers = grow(timers, timer_count, &timer_room);
  size_t place = timer_count++;
  while (place > 0 && earlier(&job, &timers[(place - 1) / 2])) {
    timers[place] = timers[(place - 1) / 2];
    place = (place - 1) / 2;
  }
  timers[place] = job;
}

static Job take_timer(void) {
  Job first = timers[0], last = timers[--timer_count];
  size_t place = 0;
  for (;;) {
    size_t child = 2 * place + 1;
    if (child >= timer_count) break;
    if (child + 1 < timer_count && earlier(&timers[child + 1], &timers[child])) child++;
    if (!earlier(&timers[child], &last)) break;
    timers[place] = timers[child];
    place = child;
  }
  if (timer_count > 0) timers[place] = last;
  return first;
}

static void add(int64_t at, Function run, void *context, void *queue) {
  Job job = {at, numbers++, run, context, queue};
  if (at > now) add_timer(job);
  else add_ready(job);
}

static void run_swift(void *job) { swift_job_run(job, NULL, NULL); }

static SWIFT void enqueue_global(void *job, void *original) {
  (void)original;
  add(0, run_swift, job, NULL);
}

static void run_block(void *block) {
  // The third word of a block is what it calls.
  void (*invoke)(void *) = ((void (**)(void *))block)[2];
  invoke(block);
  _Block_release(block);
}

// A dispatch_time_t: wall clocks are negative, clocks that count on during sleep have the highest bit set.
static int64_t moment(uint64_t when) {
  if (when == ~0ull) return INT64_MAX;
  if (!(when >> 63)) return (int64_t)when;
  if ((when >> 62) == 3) return (int64_t)(-when) - wall;
  return (int64_t)(when & ~(1ull << 63));
}

static void *original(const char *name) {
  void *found = dlsym(RTLD_NEXT, name);
  if (!found) abort();
  return found;
}

void dispatch_async_f(void *queue, void *context, Function work) {
  if (began) return add(0, work, context, queue);
  ((void (*)(void *, void *, Function))original("dispatch_async_f"))(queue, context, work);
}

void dispatch_async(void *queue, void *block) {
  if (began) return add(0, run_block, _Block_copy(block), queue);
  ((void (*)(void *, void *))original("dispatch_async"))(queue, block);
}

void dispatch_after_f(uint64_t when, void *queue, void *context, Function work) {
  if (began) return add(moment(when), work, context, NULL);
  ((void (*)(uint64_t, void *, void *, Function))original("dispatch_after_f"))(when, queue, context, work);
}

void dispatch_after(uint64_t when, void *queue, void *block) {
  if (began) return add(moment(when), run_block, _Block_copy(block), NULL);
  ((void (*)(uint64_t, void *, void *))original("dispatch_after"))(when, queue, block);
}

// Swift's runtime widens the queues it makes, and libdispatch would start a thread for that.
void dispatch_queue_set_width(void *queue, long width) {
  if (!began) ((void (*)(void *, long))original("dispatch_queue_set_width"))(queue, width);
}

// MARK: the world

void simulation_begin(uint64_t seed, int64_t wall_start) {
  choices = seed;
  bytes_state = seed ^ 0x5851f42d4c957f2dull;
  wall = wall_start;
  // Not the very first moment: nothing in the world is older than its own clock.
  now = 1000000000;
  began = 1;
  swift_task_enqueueGlobal_hook = enqueue_global;
}

int simulation_step(void) {
  if (ready_count == 0) {
    if (timer_count == 0) return 0;
    if (timers[0].at > now) now = timers[0].at;
  }
  while (timer_count > 0 && timers[0].at <= now) add_ready(take_timer());
  size_t chosen = split_mix(&choices) % ready_count;
  if (ready[chosen].queue) {
    for (size_t i = 0; i < ready_count; i++)
      if (ready[i].queue == ready[chosen].queue && ready[i].number < ready[chosen].number) chosen = i;
  }
  Job job = ready[chosen];
  ready[chosen] = ready[--ready_count];
  jobs_run++;
  note(ready_count ^ (chosen << 20) ^ ((uint64_t)now << 24));
  // Work takes time, so that a loop that waits for a moment reaches it.
  now += 1 + (int64_t)(split_mix(&choices) % 20000);
  job.run(job.context);
  return 1;
}

int64_t simulation_now(void) { return now; }
void simulation_step_wall(int64_t nanoseconds) { wall += nanoseconds; }
uint64_t simulation_jobs(void) { return jobs_run; }
uint64_t simulation_digest(void) { return digest; }
