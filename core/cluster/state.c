#include "core/cluster/state.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/path.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct state {
	pthread_mutex_t lock;
	char *folder, *uuid;
	sqlite3 *db;
	int lock_fd; /* -1 when opened for reading */
};

/* The schema's number is in user_version; a later one adds its statements below and raises it. */
enum { SCHEMA = 3 };
static const char schema_1[] =
	"BEGIN IMMEDIATE;" /* all or nothing: the disk may be full */
	"CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;"
	"CREATE TABLE resources(kind TEXT NOT NULL, name TEXT NOT NULL, id TEXT, attributes TEXT, PRIMARY KEY(kind, name)) STRICT;"
	"CREATE TABLE nodes(name TEXT PRIMARY KEY, role INTEGER NOT NULL, pool TEXT NOT NULL, address TEXT NOT NULL,"
	" floating_ip TEXT, server_id TEXT, host_key TEXT) STRICT;"
	"CREATE TABLE events(id INTEGER PRIMARY KEY, run TEXT NOT NULL, wall_ms INTEGER NOT NULL, type TEXT NOT NULL,"
	" subject TEXT NOT NULL, phase TEXT NOT NULL, text TEXT NOT NULL) STRICT;"
	"PRAGMA user_version=1;"
	"COMMIT;";
static const char schema_2[] = "BEGIN IMMEDIATE;"
			       "ALTER TABLE nodes ADD COLUMN leaving INTEGER NOT NULL DEFAULT 0;"
			       "PRAGMA user_version=2;"
			       "COMMIT;";
/* A thing of the cloud has one name: what is written under another one (INSERT OR REPLACE) takes the place of the row that was. */
static const char schema_3[] = "BEGIN IMMEDIATE;"
			       "DELETE FROM resources WHERE id IS NOT NULL AND rowid NOT IN"
			       " (SELECT max(rowid) FROM resources GROUP BY kind, id);" /* the name that was written last */
			       "CREATE UNIQUE INDEX resources_id ON resources(kind, id);"
			       "PRAGMA user_version=3;"
			       "COMMIT;";

static int db_error(struct state *s, struct error **err)
{
	int code = sqlite3_errcode(s->db) & 0xff, errnum = sqlite3_system_errno(s->db);

	if (errnum != 0 && (code == SQLITE_IOERR || code == SQLITE_CANTOPEN || code == SQLITE_FULL || code == SQLITE_READONLY))
		return error_set(err, ERROR_INTERNAL, "%s/state.db: %s: %s", s->folder, sqlite3_errmsg(s->db), strerror(errnum));
	return error_set(err, ERROR_INTERNAL, "%s/state.db: %s", s->folder, sqlite3_errmsg(s->db));
}

/* Runs one statement with text parameters (NULL: SQL's NULL); calls row() for each row of the answer. */
static int query(struct state *s, const char *sql, const char *const *values, int n, void (*row)(sqlite3_stmt *, void *),
		 void *context, struct error **err)
{
	sqlite3_stmt *st = NULL;
	int r, result = 0;

	pthread_mutex_lock(&s->lock);
	r = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);
	for (int i = 0; r == SQLITE_OK && i < n; i++)
		r = values[i] == NULL ? sqlite3_bind_null(st, i + 1) : sqlite3_bind_text(st, i + 1, values[i], -1, SQLITE_STATIC);
	while (r == SQLITE_OK || r == SQLITE_ROW) {
		r = sqlite3_step(st);
		if (r == SQLITE_ROW && row != NULL)
			row(st, context);
	}
	if (r != SQLITE_DONE)
		result = db_error(s, err);
	sqlite3_finalize(st);
	pthread_mutex_unlock(&s->lock);
	return result;
}

static int change(struct state *s, const char *sql, const char *const *values, int n, struct error **err)
{
	return query(s, sql, values, n, NULL, NULL, err);
}

static char *column(sqlite3_stmt *st, int i)
{
	return xstrdup((const char *)sqlite3_column_text(st, i));
}

static void take_text(sqlite3_stmt *st, void *context)
{
	char **ret = context;

	free(*ret);
	*ret = column(st, 0);
}

/* Whose lock it is stands in the lock's file, for the message alone. */
static int take_lock(struct state *s, const char *cluster, struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("%s/lock", s->folder);
	char pid[32] = "";
	int n;

	s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->lock_fd < 0)
		return error_errno(err, errno, "cannot open %s", path);
	if (flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		if (read(s->lock_fd, pid, sizeof(pid) - 1) <= 0)
			pid[0] = '?';
		return error_set(err, ERROR_LOCKED, "another davit (process %s) is working on cluster %s; wait for it to end", pid,
				 cluster);
	}
	n = snprintf(pid, sizeof(pid), "%d", (int)getpid());
	if (ftruncate(s->lock_fd, 0) < 0 || pwrite(s->lock_fd, pid, (size_t)n, 0) < 0)
		return error_errno(err, errno, "cannot write %s", path);
	return 0;
}

static int open_db(struct state *s, enum state_mode mode, struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("%s/state.db", s->folder), *version = NULL;
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX | (mode == STATE_WRITE ? SQLITE_OPEN_CREATE : 0);

	if (sqlite3_open_v2(path, &s->db, flags, NULL) != SQLITE_OK)
		return db_error(s, err);
	sqlite3_busy_timeout(s->db, 5000);
	if (chmod(path, 0600) < 0)
		return error_errno(err, errno, "cannot set the mode of %s", path);
	if (sqlite3_exec(s->db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;", NULL, NULL, NULL) != SQLITE_OK)
		return db_error(s, err);
	if (query(s, "PRAGMA user_version", NULL, 0, take_text, &version, err) < 0)
		return -1;
	if (atoi(version) > SCHEMA)
		return error_set(err, ERROR_CONFIG, "%s was written by a newer davit (schema %s, this one knows %d); use that one",
				 path, version, SCHEMA);
	if ((atoi(version) < 1 && sqlite3_exec(s->db, schema_1, NULL, NULL, NULL) != SQLITE_OK) ||
	    (atoi(version) < 2 && sqlite3_exec(s->db, schema_2, NULL, NULL, NULL) != SQLITE_OK) ||
	    (atoi(version) < 3 && sqlite3_exec(s->db, schema_3, NULL, NULL, NULL) != SQLITE_OK))
		return db_error(s, err);
	return 0;
}

/* uuid: of a state that is new; NULL: made here. */
static int load_uuid(struct state *s, const char *cluster, const char *uuid, struct error **err)
{
	CLEANUP_FREE char *name = state_get(s, "cluster");

	s->uuid = state_get(s, "uuid");
	if (s->uuid != NULL && name != NULL && strcmp(name, cluster) != 0)
		return error_set(err, ERROR_CONFIG, "%s is the state of cluster %s, not of %s; give another --state", s->folder, name,
				 cluster);
	if (s->uuid != NULL)
		return 0;
	s->uuid = uuid != NULL ? xstrdup(uuid) : random_uuid();
	if (state_set(s, "cluster", cluster, err) < 0)
		return -1;
	return state_set(s, "uuid", s->uuid, err);
}

static int open_state(const char *folder, const char *cluster, enum state_mode mode, const char *uuid, struct state **ret,
		      struct error **err)
{
	struct state *s = xnew(struct state);
	CLEANUP_FREE char *base = path_xdg("XDG_STATE_HOME", ".local/state"), *db = NULL;

	pthread_mutex_init(&s->lock, NULL);
	s->lock_fd = -1;
	s->folder = folder != NULL ? xstrdup(folder) : xasprintf("%s/%s", base, cluster);
	db = xasprintf("%s/state.db", s->folder);
	if (mode != STATE_WRITE && !path_exists(db)) {
		error_set(err, ERROR_NOT_FOUND, "there is no cluster %s here (no %s); make it with \"davit apply\"", cluster, db);
		goto fail;
	}
	if (uuid != NULL && path_exists(db)) {
		error_set(err, ERROR_CONFLICT, "cluster %s has a state already: %s", cluster, s->folder);
		goto fail;
	}
	if (path_mkdirs(s->folder, 0700, err) < 0 || (mode != STATE_READ && take_lock(s, cluster, err) < 0) ||
	    open_db(s, mode, err) < 0 || load_uuid(s, cluster, uuid, err) < 0)
		goto fail;
	*ret = s;
	return 0;
fail:
	state_close(s);
	return -1;
}

int state_open(const char *folder, const char *cluster, enum state_mode mode, struct state **ret, struct error **err)
{
	return open_state(folder, cluster, mode, NULL, ret, err);
}

int state_create(const char *folder, const char *cluster, const char *uuid, struct state **ret, struct error **err)
{
	return open_state(folder, cluster, STATE_WRITE, uuid, ret, err);
}

void state_close(struct state *s)
{
	if (s == NULL)
		return;
	sqlite3_close(s->db);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	pthread_mutex_destroy(&s->lock);
	free(s->folder);
	free(s->uuid);
	free(s);
}

void state_close_ptr(struct state **s)
{
	state_close(*s);
	*s = NULL;
}

int state_known(struct strv *ret_uuids, struct error **err)
{
	CLEANUP_FREE char *base = path_xdg("XDG_STATE_HOME", ".local/state");
	CLEANUP_STRV struct strv names = STRV_INIT;

	if (!path_exists(base))
		return 0;
	if (path_list(base, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		CLEANUP_FREE char *db = xasprintf("%s/%s/state.db", base, names.v[i]);
		CLEANUP_STATE struct state *s = NULL;

		if (!path_exists(db))
			continue;
		if (state_open(NULL, names.v[i], STATE_READ, &s, err) < 0)
			return -1;
		strv_add(ret_uuids, s->uuid);
	}
	return 0;
}

const char *state_folder(const struct state *s)
{
	return s->folder;
}

const char *state_uuid(const struct state *s)
{
	return s->uuid;
}

char *state_path(const struct state *s, const char *relative)
{
	return xasprintf("%s/%s", s->folder, relative);
}

/* The data base is the last to go: as long as there is something to remove, the next delete finds the cluster by it. */
static int remove_all_but_db(const char *folder, struct error **err)
{
	CLEANUP_STRV struct strv names = STRV_INIT;

	if (path_list(folder, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", folder, names.v[i]);

		if (strcmp(names.v[i], "state.db") != 0 && strcmp(names.v[i], "lock") != 0 && path_remove_tree(path, err) < 0)
			return -1;
	}
	return 0;
}

int state_destroy(struct state *s, struct error **err)
{
	CLEANUP_FREE char *folder = xstrdup(s->folder), *db = xasprintf("%s/state.db", s->folder);
	int r;

	sqlite3_close(s->db); /* what is in its WAL goes into it */
	s->db = NULL;
	r = remove_all_but_db(folder, err) < 0 || path_remove_tree(db, err) < 0 || path_remove_tree(folder, err) < 0 ? -1 : 0;
	state_close(s); /* the lock was kept until now */
	return r;
}

int state_intend(struct state *s, const char *kind, const char *name, struct error **err)
{
	CLEANUP_FREE char *now = xasprintf("%lld", (long long)clock_wall_ms());

	return change(s, "INSERT INTO resources(kind, name, attributes) VALUES(?, ?, ?) ON CONFLICT DO UPDATE SET attributes = excluded.attributes WHERE id IS NULL",
		      (const char *[]){kind, name, now}, 3, err);
}

int state_refused(struct state *s, const char *kind, const char *name, struct error **err)
{
	return change(s, "UPDATE resources SET attributes = NULL WHERE kind = ? AND name = ? AND id IS NULL", (const char *[]){kind, name}, 2, err);
}

int64_t state_intended(struct state *s, const char *kind, const char *name)
{
	CLEANUP_FREE char *text = NULL;

	if (query(s, "SELECT attributes FROM resources WHERE kind = ? AND name = ? AND id IS NULL", (const char *[]){kind, name}, 2, take_text, &text, NULL) < 0)
		return 0;
	return text != NULL ? strtoll(text, NULL, 10) : 0;
}

int state_made(struct state *s, const char *kind, const char *name, const char *id, struct error **err)
{
	return change(s, "INSERT OR REPLACE INTO resources(kind, name, id) VALUES(?, ?, ?)", (const char *[]){kind, name, id}, 3, err);
}

int state_gone(struct state *s, const char *kind, const char *name, struct error **err)
{
	return change(s, "DELETE FROM resources WHERE kind = ? AND name = ?", (const char *[]){kind, name}, 2, err);
}

char *state_id(struct state *s, const char *kind, const char *name)
{
	char *id = NULL;

	if (query(s, "SELECT id FROM resources WHERE kind = ? AND name = ?", (const char *[]){kind, name}, 2, take_text, &id, NULL) < 0)
		return NULL;
	return id;
}

struct resource_list {
	struct resource *r;
	size_t n, cap;
};

static void take_resource(sqlite3_stmt *st, void *context)
{
	struct resource_list *l = context;

	array_grow(l->r, l->n, l->cap);
	l->r[l->n++] = (struct resource){column(st, 0), column(st, 1), column(st, 2)};
}

int state_resources(struct state *s, struct resource **ret, size_t *ret_n, struct error **err)
{
	struct resource_list l = {0};

	if (query(s, "SELECT kind, name, id FROM resources ORDER BY kind, name", NULL, 0, take_resource, &l, err) < 0) {
		resource_list_free(l.r, l.n);
		return -1;
	}
	*ret = l.r;
	*ret_n = l.n;
	return 0;
}

void resource_list_free(struct resource *r, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(r[i].kind);
		free(r[i].name);
		free(r[i].id);
	}
	free(r);
}

char *state_get(struct state *s, const char *key)
{
	char *value = NULL;

	if (query(s, "SELECT value FROM meta WHERE key = ?", (const char *[]){key}, 1, take_text, &value, NULL) < 0)
		return NULL;
	return value;
}

int state_set(struct state *s, const char *key, const char *value, struct error **err)
{
	if (value == NULL)
		return change(s, "DELETE FROM meta WHERE key = ?", (const char *[]){key}, 1, err);
	return change(s, "INSERT OR REPLACE INTO meta(key, value) VALUES(?, ?)", (const char *[]){key, value}, 2, err);
}

struct visit {
	void (*each)(const char *key, const char *value, void *context);
	void *context;
};

static void take_value(sqlite3_stmt *st, void *context)
{
	const struct visit *v = context;

	v->each((const char *)sqlite3_column_text(st, 0), (const char *)sqlite3_column_text(st, 1), v->context);
}

bool state_is_installed(struct state *s, const char *node)
{
	CLEANUP_FREE char *key = xasprintf("applied:%s", node), *applied = state_get(s, key);

	return applied != NULL && *applied != '\0';
}

int state_values(struct state *s, void (*each)(const char *key, const char *value, void *context), void *context,
		 struct error **err)
{
	struct visit v = {each, context};

	return query(s, "SELECT key, value FROM meta ORDER BY key", NULL, 0, take_value, &v, err);
}

int state_secret(struct state *s, const char *key, size_t bytes, char **ret, struct error **err)
{
	CLEANUP_SECRET char *value = state_get(s, key);

	if (value == NULL) {
		value = random_hex(bytes);
		if (state_set(s, key, value, err) < 0)
			return -1;
	}
	*ret = steal_ptr(value);
	return 0;
}

int state_put_node(struct state *s, const struct node *n, struct error **err)
{
	char role[] = {(char)('0' + n->role), '\0'};

	return change(s,
		      "INSERT OR REPLACE INTO nodes(name, role, pool, address, floating_ip, server_id, host_key, leaving)"
		      " VALUES(?, CAST(? AS INTEGER), ?, ?, ?, ?, ?, CAST(? AS INTEGER))",
		      (const char *[]){n->name, role, n->pool, n->address, n->floating_ip, n->server_id, n->host_key,
				       n->leaving ? "1" : "0"},
		      8, err);
}

int state_remove_node(struct state *s, const char *name, struct error **err)
{
	return change(s, "DELETE FROM nodes WHERE name = ?", (const char *[]){name}, 1, err);
}

static void take_node(sqlite3_stmt *st, void *context)
{
	struct node n = {.name = column(st, 0),
			 .role = (enum node_role)sqlite3_column_int(st, 1),
			 .pool = column(st, 2),
			 .address = column(st, 3),
			 .floating_ip = column(st, 4),
			 .server_id = column(st, 5),
			 .host_key = column(st, 6),
			 .leaving = sqlite3_column_int(st, 7) != 0};

	inventory_put(context, &n);
	node_clear(&n);
}

int state_nodes(struct state *s, struct inventory *ret, struct error **err)
{
	return query(s, "SELECT name, role, pool, address, floating_ip, server_id, host_key, leaving FROM nodes", NULL, 0, take_node,
		     ret, err);
}

int state_event(struct state *s, const char *run, int64_t wall_ms, const char *type, const char *subject, const char *phase,
		const char *text, struct error **err)
{
	CLEANUP_FREE char *wall = xasprintf("%lld", (long long)wall_ms);

	return change(s, "INSERT INTO events(run, wall_ms, type, subject, phase, text) VALUES(?, CAST(? AS INTEGER), ?, ?, ?, ?)",
		      (const char *[]){run, wall, type, subject, phase, text}, 6, err);
}

struct event_list {
	struct state_event *e;
	size_t n, cap;
};

static void take_event(sqlite3_stmt *st, void *context)
{
	struct event_list *l = context;

	array_grow(l->e, l->n, l->cap);
	l->e[l->n++] = (struct state_event){sqlite3_column_int64(st, 0), column(st, 1), column(st, 2), column(st, 3), column(st, 4)};
}

int state_last_run(struct state *s, struct state_event **ret, size_t *ret_n, struct error **err)
{
	static const char sql[] = "SELECT wall_ms, type, subject, phase, text FROM events"
				  " WHERE run = (SELECT run FROM events ORDER BY id DESC LIMIT 1) ORDER BY id";
	struct event_list l = {0};

	if (query(s, sql, NULL, 0, take_event, &l, err) < 0) {
		state_events_free(l.e, l.n);
		return -1;
	}
	*ret = l.e;
	*ret_n = l.n;
	return 0;
}

void state_events_free(struct state_event *e, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(e[i].type);
		free(e[i].subject);
		free(e[i].phase);
		free(e[i].text);
	}
	free(e);
}
