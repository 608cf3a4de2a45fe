/* server: a web server on the loopback that does to each request what the test's handler wants, also what no server should do. */
#pragma once
#include "core/base/macros.h"

struct server;
struct server_peer; /* one connection */

struct server_request {
	char *method, *path; /* with the query */
	char *headers;	     /* as they came */
	char *body;
	size_t body_len;
	unsigned connection; /* from 1 */
	unsigned nth;	     /* of its connection, from 1 */
	void *context;
};

/* In the connection's own thread; true keeps the connection for another request, false closes it. */
typedef bool server_handler(struct server_peer *peer, const struct server_request *r);

/* cert, key: PEM files for TLS, or NULL for plain HTTP. */
struct server *server_start(server_handler *handler, void *context, const char *cert, const char *key);
void server_stop(struct server *s); /* ends all connections and joins their threads */
uint16_t server_port(const struct server *s);
char *server_url(const struct server *s, const char *path); /* http(s)://127.0.0.1:PORT/path; the caller frees */
unsigned server_count(struct server *s, const char *method, const char *path); /* requests whose path begins with path */
unsigned server_connections(struct server *s);
unsigned server_most_at_once(struct server *s); /* requests in their handlers */

void server_send(struct server_peer *p, const char *text);
void server_send_mem(struct server_peer *p, const void *data, size_t n);
/* headers: whole lines with \r\n, or ""; Content-Length is added. */
void server_reply(struct server_peer *p, int status, const char *headers, const char *body);
void server_pause(struct server_peer *p, int ms);		       /* or until the server stops */
void server_reset(struct server_peer *p);			       /* the connection ends by RST */
char *server_header(const struct server_request *r, const char *name); /* the caller frees; NULL where it is not there */

/* folder/NAME.pem and NAME.key for the subject alternative names ("DNS:x,IP:127.0.0.1"), valid from … to seconds from now, signed
 * by folder/ca.pem, which is made where it is missing. */
void server_certificate(const char *folder, const char *name, const char *alternatives, long from, long to);
