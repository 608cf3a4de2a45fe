/* make_state FOLDER CLUSTER <LINES: a state with the nodes of the lines "NAME ROLE POOL ADDRESS FLOATING-IP HOST-KEY-FILE"; "-": none. */
#include "core/base/alloc.h"
#include "core/base/path.h"
#include "core/cluster/state.h"
#include <stdio.h>

static char *word(const char *s)
{
	return strcmp(s, "-") == 0 ? NULL : xstrdup(s);
}

static enum node_role role(const char *s)
{
	enum node_role r = NODE_CONTROL_PLANE;

	while (r < NODE_BASTION && strcmp(node_role_name(r), s) != 0)
		r++;
	return r;
}

/* "ssh-ed25519 AAAA…" of its public half. */
static int host_key(const char *file, char **ret, struct error **err)
{
	CLEANUP_BUF struct buf text = BUF_INIT;

	if (strcmp(file, "-") == 0)
		return 0;
	if (path_read(file, &text, err) < 0)
		return -1;
	*ret = xstrndup(buf_str(&text), strcspn(buf_str(&text), "\n"));
	return 0;
}

static int add(struct state *s, const struct strv *words, struct error **err)
{
	CLEANUP_FREE char *id = xasprintf("id-%s", words->v[0]), *key = xasprintf("applied:%s", words->v[0]);
	struct node n = {.name = xstrdup(words->v[0]),
			 .role = role(words->v[1]),
			 .pool = xstrdup(words->v[2]),
			 .address = word(words->v[3]),
			 .floating_ip = word(words->v[4])};
	int r = host_key(words->v[5], &n.host_key, err);

	if (n.host_key != NULL)
		n.server_id = xstrdup(id);
	if (r == 0)
		r = state_put_node(s, &n, err);
	if (r == 0 && n.host_key != NULL)
		r = state_set(s, key, "0", err);
	node_clear(&n);
	return r;
}

static int make(const char *folder, const char *cluster, struct error **err)
{
	CLEANUP_STATE struct state *s = NULL;
	char line[1024];

	if (state_open(folder, cluster, STATE_WRITE, &s, err) < 0)
		return -1;
	while (fgets(line, sizeof(line), stdin) != NULL) {
		CLEANUP_STRV struct strv words = STRV_INIT;

		strv_split(&words, line, " \n");
		if (words.n == 6 && add(s, &words, err) < 0)
			return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	CLEANUP_ERROR struct error *err = NULL;

	if (argc == 3 && make(argv[1], argv[2], &err) == 0)
		return 0;
	fprintf(stderr, "make_state: %s\n", error_message(err));
	return 1;
}
