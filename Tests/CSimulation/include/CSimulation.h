#ifndef CSIMULATION_H
#define CSIMULATION_H
#include <stdint.h>

// One process as one simulated world: its clocks, its randomness and its queues belong to the simulation.
//
// Whatever links this target gets its own definitions of what libc and libdispatch are asked for: clock_gettime,
// gettimeofday, time, getrandom, dispatch_async, dispatch_after. Before `simulation_begin` they do what the originals
// do. After it, time stands still but for what the simulation lets pass, random bytes follow the seed, and every job
// of Swift's concurrency and of every dispatch queue waits in one place, from which the seed chooses the next. All of
// it runs on the thread that began it; another thread would escape the seed, so making one ends the process.

/// Takes the process over. `wall` is what the wall clock says first, in nanoseconds since 1970.
void simulation_begin(uint64_t seed, int64_t wall);

/// Runs one job; time jumps to the next timer where no job waits. 0 where there is neither job nor timer.
int simulation_step(void);

/// Nanoseconds since the simulation began.
int64_t simulation_now(void);

/// Moves the wall clock, and no other, by so many nanoseconds.
void simulation_step_wall(int64_t nanoseconds);

/// Jobs that were run so far.
uint64_t simulation_jobs(void);

/// A digest of every choice that was made so far: which of how many jobs ran, and when.
uint64_t simulation_digest(void);

/// Makes the process's addresses the same in every run. 1 where that needs the program to be executed again.
int simulation_fix_addresses(void);

#endif
