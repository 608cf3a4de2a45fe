#include "tests/integration/server.h"
#include "core/base/alloc.h"
#include "core/base/buf.h"
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

struct server_peer {
	struct server *server;
	struct server_peer *next;
	pthread_t thread;
	int fd;
	SSL *ssl;
	unsigned number;
	struct buf in;
};

struct server {
	server_handler *handler;
	void *context;
	SSL_CTX *tls;
	int listener, stop;
	uint16_t port;
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	struct server_peer *peers;
	unsigned connections, at_once, most_at_once;
	bool stopping;
	char **seen; /* "METHOD path" */
	size_t n_seen, cap_seen;
};

void server_send_mem(struct server_peer *p, const void *data, size_t n)
{
	const char *at = data;

	while (n > 0) {
		ssize_t done = p->ssl != NULL ? SSL_write(p->ssl, at, (int)n) : send(p->fd, at, n, MSG_NOSIGNAL);

		if (done <= 0)
			return;
		at += done;
		n -= (size_t)done;
	}
}

void server_send(struct server_peer *p, const char *text)
{
	server_send_mem(p, text, strlen(text));
}

void server_reply(struct server_peer *p, int status, const char *headers, const char *body)
{
	CLEANUP_BUF struct buf b = BUF_INIT;

	buf_addf(&b, "HTTP/1.1 %d Whatever\r\n%sContent-Length: %zu\r\n\r\n%s", status, headers, strlen(body), body);
	server_send_mem(p, b.data, b.len);
}

void server_pause(struct server_peer *p, int ms)
{
	struct pollfd fd = {.fd = p->server->stop, .events = POLLIN};

	poll(&fd, 1, ms);
}

void server_reset(struct server_peer *p)
{
	struct linger now = {.l_onoff = 1};

	setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

char *server_header(const struct server_request *r, const char *name)
{
	size_t n = strlen(name);

	for (const char *line = r->headers; *line != '\0'; line = strstr(line, "\r\n") + 2) {
		const char *value = line + n + 1;

		if (strncasecmp(line, name, n) != 0 || line[n] != ':')
			continue;
		while (*value == ' ')
			value++;
		return xstrndup(value, strcspn(value, "\r"));
	}
	return NULL;
}

static bool receive(struct server_peer *p)
{
	char bytes[16384];
	ssize_t n = p->ssl != NULL ? SSL_read(p->ssl, bytes, sizeof(bytes)) : recv(p->fd, bytes, sizeof(bytes), 0);

	if (n <= 0)
		return false;
	buf_add_mem(&p->in, bytes, (size_t)n);
	return true;
}

/* A whole request out of the connection, or false. */
static bool read_request(struct server_peer *p, struct server_request *r)
{
	CLEANUP_FREE char *length = NULL;
	char *end, *line_end;
	size_t head, left;

	while ((end = p->in.len > 0 ? strstr(p->in.data, "\r\n\r\n") : NULL) == NULL)
		if (!receive(p))
			return false;
	head = (size_t)(end - p->in.data) + 4;
	line_end = strstr(p->in.data, "\r\n");
	r->method = xstrndup(p->in.data, strcspn(p->in.data, " "));
	r->path = xstrndup(p->in.data + strlen(r->method) + 1, strcspn(p->in.data + strlen(r->method) + 1, " \r"));
	r->headers = xstrndup(line_end + 2, head - (size_t)(line_end + 2 - p->in.data) - 2);
	length = server_header(r, "Content-Length");
	r->body_len = length != NULL ? strtoul(length, NULL, 10) : 0;
	while (p->in.len < head + r->body_len)
		if (!receive(p))
			return false;
	r->body = xstrndup(p->in.data + head, r->body_len);
	left = p->in.len - head - r->body_len;
	memmove(p->in.data, p->in.data + head + r->body_len, left);
	buf_truncate(&p->in, left);
	return true;
}

static void note(struct server *s, const struct server_request *r, int change)
{
	pthread_mutex_lock(&s->lock);
	if (change > 0) {
		array_grow(s->seen, s->n_seen, s->cap_seen);
		s->seen[s->n_seen++] = xasprintf("%s %s", r->method, r->path);
	}
	s->at_once += (unsigned)change;
	if (s->at_once > s->most_at_once)
		s->most_at_once = s->at_once;
	pthread_mutex_unlock(&s->lock);
}

static void request_free(struct server_request *r)
{
	free(r->method);
	free(r->path);
	free(r->headers);
	free(r->body);
}

static void *serve(void *arg)
{
	struct server_peer *p = arg;
	bool keep = p->ssl == NULL || SSL_accept(p->ssl) == 1;

	for (unsigned nth = 1; keep; nth++) {
		CLEANUP(request_free)
		struct server_request r = {.connection = p->number, .nth = nth, .context = p->server->context};

		keep = read_request(p, &r);
		if (!keep)
			break;
		note(p->server, &r, 1);
		keep = p->server->handler(p, &r);
		note(p->server, &r, -1);
	}
	/* The fd itself is closed by server_stop() or here, once. */
	pthread_mutex_lock(&p->server->lock);
	if (p->ssl != NULL && keep)
		SSL_shutdown(p->ssl);
	close(p->fd);
	p->fd = -1;
	pthread_mutex_unlock(&p->server->lock);
	return NULL;
}

static void accept_one(struct server *s)
{
	int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
	struct server_peer *p;

	if (fd < 0)
		return;
	p = xnew(struct server_peer);
	p->server = s;
	p->fd = fd;
	if (s->tls != NULL) {
		p->ssl = SSL_new(s->tls);
		SSL_set_fd(p->ssl, fd);
	}
	pthread_mutex_lock(&s->lock);
	p->number = ++s->connections;
	p->next = s->peers;
	s->peers = p;
	if (s->stopping)
		shutdown(fd, SHUT_RDWR);
	pthread_create(&p->thread, NULL, serve, p);
	pthread_mutex_unlock(&s->lock);
}

static void *listen_loop(void *arg)
{
	struct server *s = arg;
	struct pollfd fds[2] = {{.fd = s->listener, .events = POLLIN}, {.fd = s->stop, .events = POLLIN}};

	for (;;) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return NULL;
		if (fds[1].revents != 0)
			return NULL;
		if (fds[0].revents != 0)
			accept_one(s);
	}
}

struct server *server_start(server_handler *handler, void *context, const char *cert, const char *key)
{
	struct server *s = xnew(struct server);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int ok;

	s->handler = handler;
	s->context = context;
	if (cert != NULL) {
		s->tls = SSL_CTX_new(TLS_server_method());
		ok = SSL_CTX_use_certificate_chain_file(s->tls, cert) == 1 &&
		     SSL_CTX_use_PrivateKey_file(s->tls, key, SSL_FILETYPE_PEM) == 1;
		assert(ok);
	}
	pthread_mutex_init(&s->lock, NULL);
	s->stop = eventfd(0, EFD_CLOEXEC);
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ok = bind(s->listener, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(s->listener, 128) == 0 &&
	     getsockname(s->listener, (struct sockaddr *)&address, &len) == 0;
	assert(ok);
	(void)ok;
	s->port = ntohs(address.sin_port);
	pthread_create(&s->thread, NULL, listen_loop, s);
	return s;
}

void server_stop(struct server *s)
{
	uint64_t one = 1;
	ssize_t n = write(s->stop, &one, sizeof(one));

	(void)n;
	pthread_join(s->thread, NULL);
	pthread_mutex_lock(&s->lock);
	s->stopping = true;
	for (struct server_peer *p = s->peers; p != NULL; p = p->next)
		if (p->fd >= 0)
			shutdown(p->fd, SHUT_RDWR);
	pthread_mutex_unlock(&s->lock);
	while (s->peers != NULL) {
		struct server_peer *p = s->peers;

		s->peers = p->next;
		pthread_join(p->thread, NULL);
		SSL_free(p->ssl);
		buf_free(&p->in);
		free(p);
	}
	for (size_t i = 0; i < s->n_seen; i++)
		free(s->seen[i]);
	free(s->seen);
	close(s->listener);
	close(s->stop);
	SSL_CTX_free(s->tls);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

uint16_t server_port(const struct server *s)
{
	return s->port;
}

char *server_url(const struct server *s, const char *path)
{
	return xasprintf("%s://127.0.0.1:%u%s", s->tls != NULL ? "https" : "http", s->port, path);
}

unsigned server_count(struct server *s, const char *method, const char *path)
{
	CLEANUP_FREE char *prefix = xasprintf("%s %s", method, path);
	unsigned count = 0;

	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->n_seen; i++)
		count += strncmp(s->seen[i], prefix, strlen(prefix)) == 0;
	pthread_mutex_unlock(&s->lock);
	return count;
}

unsigned server_connections(struct server *s)
{
	unsigned n;

	pthread_mutex_lock(&s->lock);
	n = s->connections;
	pthread_mutex_unlock(&s->lock);
	return n;
}

unsigned server_most_at_once(struct server *s)
{
	unsigned n;

	pthread_mutex_lock(&s->lock);
	n = s->most_at_once;
	pthread_mutex_unlock(&s->lock);
	return n;
}

/* ---- certificates ---- */

static EVP_PKEY *key_to(const char *path)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	FILE *f = fopen(path, "w");

	PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	fclose(f);
	return key;
}

static void extend(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;

	X509V3_set_ctx(&context, issuer, x, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	assert(extension != NULL);
	X509_add_ext(x, extension, -1);
	X509_EXTENSION_free(extension);
}

static X509 *certificate(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key, const char *alternatives, long from,
			 long to)
{
	X509 *x = X509_new();

	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), random() + 2);
	X509_gmtime_adj(X509_getm_notBefore(x), from);
	X509_gmtime_adj(X509_getm_notAfter(x), to);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(issuer != NULL ? issuer : x));
	X509_set_pubkey(x, key);
	extend(x, issuer != NULL ? issuer : x, NID_basic_constraints, issuer != NULL ? "CA:FALSE" : "critical,CA:TRUE");
	if (alternatives != NULL)
		extend(x, issuer, NID_subject_alt_name, alternatives);
	X509_sign(x, issuer_key != NULL ? issuer_key : key, EVP_sha256());
	return x;
}

static void save(const char *path, X509 *x)
{
	FILE *f = fopen(path, "w");

	PEM_write_X509(f, x);
	fclose(f);
}

static void authority(const char *pem, const char *key_path)
{
	EVP_PKEY *key = key_to(key_path);
	X509 *x = certificate("davit test authority", key, NULL, NULL, NULL, -3600, 86400);

	save(pem, x);
	X509_free(x);
	EVP_PKEY_free(key);
}

void server_certificate(const char *folder, const char *name, const char *alternatives, long from, long to)
{
	CLEANUP_FREE char *ca = xasprintf("%s/ca.pem", folder), *ca_key = xasprintf("%s/ca.key", folder);
	CLEANUP_FREE char *pem = xasprintf("%s/%s.pem", folder, name), *key_path = xasprintf("%s/%s.key", folder, name);
	EVP_PKEY *issuer_key, *key;
	X509 *issuer, *x;
	FILE *f;

	if (access(ca, R_OK) != 0)
		authority(ca, ca_key);
	f = fopen(ca, "r");
	issuer = PEM_read_X509(f, NULL, NULL, NULL);
	fclose(f);
	f = fopen(ca_key, "r");
	issuer_key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	fclose(f);
	key = key_to(key_path);
	x = certificate(name, key, issuer, issuer_key, alternatives, from, to);
	save(pem, x);
	X509_free(x);
	X509_free(issuer);
	EVP_PKEY_free(key);
	EVP_PKEY_free(issuer_key);
}
