#include "cmd/backup_header.h"

struct json_object *backup_header_json(const struct backup *b)
{
	struct json_object *o = NULL;
	CLEANUP_BUF struct buf text = BUF_INIT;

	backup_write(b, &text);
	return json_parse(buf_str(&text), text.len, "the header", &o, NULL) < 0 ? json_object_new_object() : o;
}
