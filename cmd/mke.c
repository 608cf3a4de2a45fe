#include "cmd/mke.h"
#include "cmd/work.h"
#include "bootstrap/mke.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/cluster/mke.h"

enum { INSTALL_MS = 30 * 60 * 1000 };

int mke_check_given(const struct context *c, struct error **err)
{
	CLEANUP_SECRET char *password = NULL, *license = NULL;

	if (c->spec->platform != PLATFORM_MKE || (c->state != NULL && swarm_has_begun(c->state)))
		return 0;
	return mke_password(c->spec, &password, err) < 0 ? -1 : mke_license(c->spec, &license, err);
}

int mke_begin(struct work *w, const struct node *n, struct ssh *s, struct error **err)
{
	const struct spec *spec = w->c->spec;
	CLEANUP_SECRET char *password = NULL, *license = NULL;
	CLEANUP_STRV struct strv sans = STRV_INIT;
	struct mke_install install = {.spec = spec, .address = n->address, .sans = &sans};

	if (mke_password(spec, &password, err) < 0 || mke_license(spec, &license, err) < 0)
		return -1;
	strv_add(&sans, n->name);
	if (n->floating_ip != NULL)
		strv_add(&sans, n->floating_ip);
	strv_copy(&sans, &spec->api.extra_sans);
	install.password = password;
	install.license = license;
	event_progress(w->events, n->name, "swarm", "MKE is being installed");
	return mke_install(s, &install, clock_deadline(INSTALL_MS), err);
}
