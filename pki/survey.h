/*
 * survey: every certificate of a cluster, as the folder of its state has them and as its nodes do.  Nothing is made, no key is kept.
 */
#pragma once
#include "core/base/fileset.h"
#include "core/cluster/plan.h"
#include "pki/certificate.h"

enum survey_kind {
	SURVEY_AUTHORITY, /* in the state: those that sign */
	SURVEY_ADMIN,	  /* the administrator's, in the state */
	SURVEY_LEAF,	  /* a node's */
	SURVEY_COPY,	  /* an authority's certificate on a node: the first of several, where others are trusted as well */
	SURVEY_KUBELET	  /* what a kubelet has asked the cluster for by itself, and renews so; the state knows nothing of it */
};

enum survey_standing {
	SURVEY_UNREAD,	/* the node was not asked */
	SURVEY_SAME,	/* it has what the state knows */
	SURVEY_RENEWED, /* it has renewed that by itself: the same in all but its serial number and its dates, and it ends later */
	SURVEY_OTHER,	/* it has something else, which may be no certificate at all */
	SURVEY_MISSING, /* it has no such file */
};

struct survey_item {
	enum survey_kind kind;
	char *node;	  /* NULL: of the state alone */
	char *path;	  /* on the node, or below the state's folder */
	char *kubeconfig; /* on the node: the one that names it; NULL: none does */
	bool by_node;	  /* the node renews it by itself */
	char *state_file; /* of such a one: where the state has the pair, below its pki/ */
	char *renewed;	  /* SURVEY_RENEWED: what the node has, as PEM */
	struct certificate_facts known, found; /* by the state, by the node; subject NULL: there is none, or it cannot be read */
	enum survey_standing standing;
};

struct survey {
	struct survey_item *items; /* authorities, the administrator's, then by node in the order of the table */
	size_t n, cap;
};

/* folder: state/pki.  Of nodes that were never installed there is nothing; ERROR_CONFIG names a file that is damaged. */
int survey_state(const char *folder, const struct plan *plan, const struct node *nodes, size_t n, struct survey *ret,
		 struct error **err) MUST_USE;
/* What is to be read on that node. */
void survey_paths(const struct survey *s, const char *node, struct strv *ret);
/* What the node has of those: files without what it has not.  Threads may do this at the same time for different nodes. */
void survey_take(struct survey *s, const char *node, const struct fileset *files);
/* The state takes up what nodes have renewed (SURVEY_RENEWED, which becomes SURVEY_SAME): nothing between two authorities, and nothing that the cluster's
 * has not signed, which is told.  *ret_n: how many. */
int survey_adopt(const char *folder, struct survey *s, size_t *ret_n, struct error **err) MUST_USE;
void survey_free(struct survey *s);
#define CLEANUP_SURVEY CLEANUP(survey_free)

/* What is in force: the node's, or the state's where that was not read.  NULL: a node has none. */
const struct certificate_facts *survey_facts(const struct survey_item *i);
/* Of the state's and the node's the one that ends first; NULL: there is neither. */
const struct certificate_facts *survey_first(const struct survey_item *i);
/* Whole days from now until it ends, rounded down: below 0 when it has. */
int64_t survey_days(const struct certificate_facts *f, int64_t now);
/* Whether one of the two ends within so many days.  What a kubelet or its node renews counts only where they should have renewed it long ago. */
bool survey_is_ending(const struct survey_item *i, int64_t now, int days);
