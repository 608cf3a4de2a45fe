#include "provision/answer.h"
#include "core/base/alloc.h"
#include "provision/cloud_config.h"
#include <ctype.h>
#include <strings.h>

enum { MESSAGE_MAX = 400 };

void answer_fault_free(struct answer_fault *f)
{
	free(f->message);
	free(f->type);
	*f = (struct answer_fault){0};
}

/* ---- text ---- */

static const struct {
	const char *entity, *text;
} entities[] = {{"&amp;", "&"}, {"&apos;", "'"}, {"&gt;", ">"}, {"&lt;", "<"}, {"&nbsp;", " "}, {"&quot;", "\""}, {"&#39;", "'"}};

/* Where a tag, or an element whose text is not for people, ends. */
static const char *skip_tag(const char *p, const char *end)
{
	static const char *const silent[] = {"script", "style", "title"};

	for (size_t i = 0; i < ARRAY_SIZE(silent); i++) {
		size_t n = strlen(silent[i]);

		if ((size_t)(end - p) <= n + 1 || strncasecmp(p + 1, silent[i], n) != 0 || isalnum((unsigned char)p[n + 1]))
			continue;
		for (p++; p < end; p++)
			if ((size_t)(end - p) > n + 2 && p[0] == '<' && p[1] == '/' && strncasecmp(p + 2, silent[i], n) == 0)
				break;
		break;
	}
	while (p < end && *p != '>')
		p++;
	return p < end ? p + 1 : end;
}

static bool looks_like_tag(const char *p, const char *end)
{
	return *p == '<' && p + 1 < end && (isalpha((unsigned char)p[1]) || strchr("/!?", p[1]) != NULL);
}

/* One character or entity at p; how many bytes were read. */
static size_t add_text(struct buf *b, const char *p, const char *end)
{
	for (size_t i = 0; i < ARRAY_SIZE(entities); i++) {
		size_t n = strlen(entities[i].entity);

		if ((size_t)(end - p) >= n && strncmp(p, entities[i].entity, n) == 0) {
			buf_add(b, entities[i].text);
			return n;
		}
	}
	if ((unsigned char)*p > ' ' && *p != 0x7f)
		buf_add_char(b, *p);
	else if (b->len > 0 && b->data[b->len - 1] != ' ')
		buf_add_char(b, ' ');
	return 1;
}

/* Cut between characters of UTF-8. */
static void cut(struct buf *b)
{
	size_t n = MESSAGE_MAX - strlen("…");

	while (b->len > 0 && b->data[b->len - 1] == ' ')
		buf_truncate(b, b->len - 1);
	if (b->len <= MESSAGE_MAX)
		return;
	while (n > 0 && ((unsigned char)b->data[n] & 0xc0) == 0x80)
		n--;
	buf_truncate(b, n);
	buf_add(b, "…");
}

static char *strip(const char *text, size_t len, bool is_html)
{
	const char *end = text + len, *p = text;
	struct buf b = BUF_INIT;

	while (p < end && b.len <= MESSAGE_MAX) {
		if (!is_html || !looks_like_tag(p, end)) {
			p += add_text(&b, p, end);
			continue;
		}
		p = skip_tag(p, end);
		if (b.len > 0 && b.data[b.len - 1] != ' ')
			buf_add_char(&b, ' ');
	}
	cut(&b);
	return buf_steal(&b);
}

char *answer_strip_html(const char *html, size_t len)
{
	return strip(html, len, true);
}

/* ---- the bodies of the services ---- */

/* glance has HTML in its messages, nova has <class 'Exception'> in its. */
static char *one_line(const char *s)
{
	return s != NULL ? strip(s, strlen(s), strcasestr(s, "<br") != NULL || strstr(s, "</") != NULL) : NULL;
}

static const char *first_str(struct json_object *o, const char *const *paths, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *s = json_get_str(o, paths[i], NULL);

		if (s != NULL && s[0] != '\0')
			return s;
	}
	return NULL;
}

/* nova and cinder: one member, named by the kind of fault, that holds a message. */
static bool named_member(struct json_object *o, struct answer_fault *ret)
{
	json_object_object_foreach(o, key, value)
	{
		const char *message = json_get_str(value, "message", NULL);

		if (!json_object_is_type(value, json_type_object) || message == NULL)
			continue;
		ret->message = one_line(message);
		ret->type = xstrdup(key);
		return true;
	}
	return false;
}

static void fault_of_json(struct json_object *o, struct answer_fault *ret)
{
	static const char *const messages[] = {
		"NeutronError.message",
		"NeutronError",
		"error.message",
		"faultstring",
		"errors[0].detail",
		"errors[0].title",
		"message",
		"description",
		"title",
		"error",
		"debuginfo",
	};
	static const char *const types[] = {"NeutronError.type", "error.title", "errors[0].code", "title"};
	const char *detail = json_get_str(o, "NeutronError.detail", "");

	if (json_at(o, "NeutronError") == NULL && json_at(o, "error") == NULL && named_member(o, ret))
		return;
	ret->message = one_line(first_str(o, messages, ARRAY_SIZE(messages)));
	ret->type = one_line(first_str(o, types, ARRAY_SIZE(types)));
	if (ret->message != NULL && detail[0] != '\0') {
		CLEANUP_FREE char *message = ret->message, *more = one_line(detail);

		ret->message = xasprintf("%s %s", message, more);
	}
}

void answer_fault(const char *body, size_t len, struct answer_fault *ret)
{
	CLEANUP_JSON struct json_object *o = NULL;

	*ret = (struct answer_fault){0};
	if (len > 0 && json_parse(body, len, "answer", &o, NULL) == 0 && json_object_is_type(o, json_type_object))
		fault_of_json(o, ret);
	if (ret->message == NULL)
		ret->message = answer_strip_html(body != NULL ? body : "", len);
}

static bool mentions_quota(const char *s)
{
	return strcasestr(s, "quota") != NULL || strcasestr(s, "exceeded for") != NULL;
}

enum error_kind answer_kind(enum cloud_service service, int status, const struct answer_fault *f)
{
	const char *type = f->type != NULL ? f->type : "";

	switch (status) {
	case 401:
		return ERROR_AUTH;
	case 403: /* nova and octavia say it like this; keystone: "exceeded limit of 10 application credentials" */
		if (mentions_quota(f->message) || (service == CLOUD_IDENTITY && strcasestr(f->message, "limit") != NULL))
			return ERROR_QUOTA;
		return ERROR_AUTH;
	case 404:
		return ERROR_NOT_FOUND;
	case 409:
		return strcmp(type, "OverQuota") == 0 ? ERROR_QUOTA : ERROR_CONFLICT;
	case 413: /* too large a request is said by 400 in these services */
		return service == CLOUD_IMAGE && !mentions_quota(f->message) ? ERROR_REMOTE : ERROR_QUOTA;
	default:
		return ERROR_REMOTE;
	}
}

static const char *request_id(const struct http_response *r)
{
	const char *id = http_header(r, "x-openstack-request-id");

	return id != NULL ? id : http_header(r, "x-compute-request-id");
}

static const char *advice(enum error_kind kind, int status)
{
	if (kind == ERROR_QUOTA)
		return "; have the quota raised, or free what is not needed";
	if (status == 403)
		return "; the project or the credentials lack a role for it";
	return "";
}

int answer_error(const char *what, enum cloud_service service, const struct http_response *r, struct error **err)
{
	CLEANUP(answer_fault_free) struct answer_fault f = {0};
	const char *id = request_id(r), *location = http_header(r, "location");
	CLEANUP_BUF struct buf text = BUF_INIT;
	enum error_kind kind;

	answer_fault(r->body.data, r->body.len, &f);
	kind = answer_kind(service, r->status, &f);
	if (r->status / 100 == 3 && location != NULL)
		buf_addf(&text, "the %s service redirects to %s: use that address in clouds.yaml", cloud_service_name(service),
			 location);
	else
		buf_add(&text, f.message[0] != '\0' ? f.message : "the answer says no more");
	while (text.len > 0 && text.data[text.len - 1] == '.')
		buf_truncate(&text, text.len - 1);
	buf_addf(&text, " (HTTP %d", r->status);
	if (f.type != NULL)
		buf_addf(&text, ", %s", f.type);
	if (id != NULL)
		buf_addf(&text, ", %s", id);
	buf_add(&text, ")");
	return error_set(err, kind, "%s: %s%s", what, buf_str(&text), advice(kind, r->status));
}

/* ---- pages ---- */

static const char *rel_next(struct json_object *links)
{
	for (size_t i = 0; i < json_len(links); i++) {
		struct json_object *link = json_object_array_get_idx(links, i);

		if (strcmp(json_get_str(link, "rel", ""), "next") == 0)
			return json_get_str(link, "href", NULL);
	}
	return NULL;
}

char *answer_next_query(struct json_object *answer, const char *key)
{
	CLEANUP_FREE char *links = xasprintf("%s_links", key);
	const char *href = rel_next(json_at(answer, links)), *query;

	if (href == NULL)
		href = json_get_str(answer, "links.next", NULL); /* keystone */
	if (href == NULL)
		href = rel_next(json_at(answer, "links"));
	if (href == NULL)
		href = json_get_str(answer, "next", NULL); /* glance */
	query = href != NULL ? strchr(href, '?') : NULL;
	return query != NULL && query[1] != '\0' && query[1] != '#' ? xstrndup(query + 1, strcspn(query + 1, "#")) : NULL;
}
