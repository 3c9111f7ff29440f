#pragma once
#include <sqlite3.h>

// Functions with a variable number of arguments, which Swift cannot call.

/// No counts of memory: SQLite keeps them under one mutex of the whole process, which every allocation of every thread
/// would wait for. Before the first connection is opened; later it changes nothing. A result code.
static inline int csqlite_count_no_memory(void) { return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }

/// The query planner's stability guarantee: a plan never depends on a bound value. Without it a statement that tells a
/// bound value from a partial index's literal is prepared anew each time that a value is bound. A result code.
static inline int csqlite_keep_plans(sqlite3 *database) {
  return sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_QPSG, 1, (int *)0);
}
