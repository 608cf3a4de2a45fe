/*
 * cluster_fixture: a cluster on the cloud in memory, with a state in a folder of this process: what the tests of provision begin with.
 */
#pragma once
#include "provision/provision.h"

struct cluster {
	char *folder;
	struct spec *spec;
	struct plan *plan;
	struct state *state;
	struct inventory *inventory;
};

void cluster_begin(struct cluster *c); /* the cloud is as new, and there is no file yet */
/* The plan of this file, by the nodes that are known so far; the inventory knows its nodes then. */
void cluster_use(struct cluster *c, const char *text);
/* As `davit apply` does it: look, have the addresses reserved where the cloud chooses them, make what is missing. */
int cluster_apply(struct cluster *c, struct error **err);
/* What is left to do by provision_compare(), a line "KIND NAME: REASON" each; the caller frees. */
char *cluster_differences(struct cluster *c);
void cluster_end(struct cluster *c);

/* The same for cmocka: *state is the cluster. */
int cluster_setup(void **state, const char *text);
int cluster_teardown(void **state);
