#include "cmd/verbs.h"
#include "core/base/alloc.h"
#include "pki/pki.h"

int verb_kubeconfig(const struct options *o, struct error **err)
{
	CLEANUP_CONTEXT struct context c = {0};
	CLEANUP_PKI struct pki *pki = NULL;
	CLEANUP(buf_wipe) struct buf text = BUF_INIT;
	CLEANUP_FREE char *url = NULL, *folder = NULL;

	if (context_open(o, CONTEXT_READ, &c, err) < 0 || context_need_keys(&c, err) < 0 || verb_api_url(&c, &url, err) < 0)
		return -1;
	folder = state_path(c.state, "pki");
	if (pki_open(folder, &pki, err) < 0 || pki_admin_kubeconfig(pki, c.spec->name, url, &text, err) < 0)
		return -1;
	return verb_write(o, buf_str(&text), text.len, 0600, err);
}
