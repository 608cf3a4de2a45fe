/* kubeconfig: the text of kubeconfig files; YAML whose strings are written as JSON's, so that no value can break out. */
#pragma once
#include "core/base/buf.h"

struct kubeconfig {
	const char *cluster; /* names of cluster, user and context */
	const char *user;
	const char *server; /* URL */
	/* Files on the node (which client-go reads again when they change), or, with embed, the PEM texts themselves. */
	bool embed;
	const char *ca, *certificate, *key;
};

void kubeconfig_write(const struct kubeconfig *k, struct buf *ret); /* holds the key with embed: buf_wipe() it */
