// What an engine can do by its own C interface: small writes like the program's own (a row updated, a row appended),
// so many in one durable transaction, from one connection. Every write rate is told as a share of it.
// usage: raw-store sqlite FILE BATCH SECONDS | raw-store postgres CONNECTION BATCH SECONDS
#include <libpq-fe.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { rows = 1000 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void tell(long writes, double seconds, int batch) {
  printf("{\"writes\": %ld, \"seconds\": %.3f, \"batch\": %d, \"per_second\": %.1f}\n", writes, seconds, batch,
    writes / seconds);
}

static void check(sqlite3 *database, int code) {
  if (code == SQLITE_OK || code == SQLITE_DONE || code == SQLITE_ROW) return;
  fprintf(stderr, "raw-store: %s\n", sqlite3_errmsg(database));
  exit(1);
}

static void run(sqlite3 *database, const char *sql) { check(database, sqlite3_exec(database, sql, NULL, NULL, NULL)); }

static void sqlite(const char *path, int batch, double seconds) {
  sqlite3 *database;
  if (sqlite3_open(path, &database) != SQLITE_OK) check(database, SQLITE_CANTOPEN);
  run(database, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
    "CREATE TABLE thing (id TEXT PRIMARY KEY, value TEXT NOT NULL, updated_at INTEGER NOT NULL);"
    "CREATE TABLE changes (revision INTEGER PRIMARY KEY, kind TEXT NOT NULL, object_id TEXT NOT NULL, at INTEGER);");
  sqlite3_stmt *insert, *update, *change, *begin, *commit;
  check(database, sqlite3_prepare_v2(database, "INSERT INTO thing VALUES (?1, ?2, 0)", -1, &insert, NULL));
  check(database, sqlite3_prepare_v2(
    database, "UPDATE thing SET value = ?2, updated_at = ?3 WHERE id = ?1", -1, &update, NULL));
  check(database, sqlite3_prepare_v2(
    database, "INSERT INTO changes (kind, object_id, at) VALUES ('thing', ?1, ?2)", -1, &change, NULL));
  check(database, sqlite3_prepare_v2(database, "BEGIN IMMEDIATE", -1, &begin, NULL));
  check(database, sqlite3_prepare_v2(database, "COMMIT", -1, &commit, NULL));
  char id[64], value[256];
  for (int i = 0; i < rows; i++) {
    snprintf(id, sizeof id, "00000000-0000-4000-8000-%012d", i);
    sqlite3_bind_text(insert, 1, id, -1, SQLITE_TRANSIENT);
    sqlite3_bind_text(insert, 2, "{}", -1, SQLITE_STATIC);
    check(database, sqlite3_step(insert));
    sqlite3_reset(insert);
  }
  long writes = 0;
  double start = now();
  while (now() - start < seconds) {
    check(database, sqlite3_step(begin));
    sqlite3_reset(begin);
    for (int i = 0; i < batch; i++, writes++) {
      snprintf(id, sizeof id, "00000000-0000-4000-8000-%012ld", writes % rows);
      snprintf(value, sizeof value, "{\"key\":\"value %ld\"}", writes);
      sqlite3_bind_text(update, 1, id, -1, SQLITE_TRANSIENT);
      sqlite3_bind_text(update, 2, value, -1, SQLITE_TRANSIENT);
      sqlite3_bind_int64(update, 3, writes);
      check(database, sqlite3_step(update));
      sqlite3_reset(update);
      sqlite3_bind_text(change, 1, id, -1, SQLITE_TRANSIENT);
      sqlite3_bind_int64(change, 2, writes);
      check(database, sqlite3_step(change));
      sqlite3_reset(change);
    }
    check(database, sqlite3_step(commit));
    sqlite3_reset(commit);
  }
  tell(writes, now() - start, batch);
}

static void expect(PGconn *connection, PGresult *result) {
  ExecStatusType status = PQresultStatus(result);
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
    fprintf(stderr, "raw-store: %s", PQerrorMessage(connection));
    exit(1);
  }
  PQclear(result);
}

static void postgres(const char *where, int batch, double seconds) {
  PGconn *connection = PQconnectdb(where);
  if (PQstatus(connection) != CONNECTION_OK) {
    fprintf(stderr, "raw-store: %s", PQerrorMessage(connection));
    exit(1);
  }
  expect(connection, PQexec(connection, "DROP TABLE IF EXISTS raw_thing, raw_changes"));
  expect(connection, PQexec(connection,
    "CREATE TABLE raw_thing (id TEXT PRIMARY KEY, value TEXT NOT NULL, updated_at BIGINT NOT NULL)"));
  expect(connection, PQexec(connection,
    "CREATE TABLE raw_changes (revision BIGSERIAL PRIMARY KEY, kind TEXT NOT NULL, object_id TEXT NOT NULL, at BIGINT)"));
  expect(connection, PQexec(connection,
    "INSERT INTO raw_thing SELECT '00000000-0000-4000-8000-' || lpad(n::text, 12, '0'), '{}', 0"
    " FROM generate_series(0, 999) n"));
  expect(connection, PQprepare(connection, "u",
    "UPDATE raw_thing SET value = $2, updated_at = $3 WHERE id = $1", 3, NULL));
  expect(connection, PQprepare(connection, "c",
    "INSERT INTO raw_changes (kind, object_id, at) VALUES ('thing', $1, $2) RETURNING revision", 2, NULL));
  char id[64], value[256], at[32];
  long writes = 0;
  double start = now();
  while (now() - start < seconds) {
    expect(connection, PQexec(connection, "BEGIN"));
    for (int i = 0; i < batch; i++, writes++) {
      snprintf(id, sizeof id, "00000000-0000-4000-8000-%012ld", writes % rows);
      snprintf(value, sizeof value, "{\"key\":\"value %ld\"}", writes);
      snprintf(at, sizeof at, "%ld", writes);
      expect(connection, PQexecPrepared(connection, "u", 3, (const char *[]){id, value, at}, NULL, NULL, 0));
      expect(connection, PQexecPrepared(connection, "c", 2, (const char *[]){id, at}, NULL, NULL, 0));
    }
    expect(connection, PQexec(connection, "COMMIT"));
  }
  tell(writes, now() - start, batch);
  expect(connection, PQexec(connection, "DROP TABLE raw_thing, raw_changes"));
}

int main(int argc, char **argv) {
  if (argc != 5) return fprintf(stderr, "usage: raw-store sqlite|postgres WHERE BATCH SECONDS\n"), 2;
  int batch = atoi(argv[3]);
  if (batch < 1) return fprintf(stderr, "raw-store: bad batch\n"), 2;
  if (strcmp(argv[1], "sqlite") == 0) sqlite(argv[2], batch, atof(argv[4]));
  else postgres(argv[2], batch, atof(argv[4]));
  return 0;
}
