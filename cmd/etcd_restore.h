/* etcd_restore: what files of cmd/etcd_restore*.c share. */
#pragma once
#include "cmd/etcd.h"
#include "cmd/etcd_file.h"
#include "bootstrap/etcd.h"
#include "core/cluster/events.h"
#include "provision/finding.h"

struct restore {
	struct context c;
	struct reach *reach;
	struct events *events;
	struct etcd_file file;
	struct json_object *recovery; /* what was sealed with the snapshot */
	char *kubernetes;	      /* that the cluster has */
	struct etcd_restoration r;
	char *id, *stamp; /* r's */
	bool resumed;
	size_t *planes; /* indices in the plan */
	size_t n;
	struct etcd_place *places; /* of each of them */
	struct ssh **sessions;	   /* likewise */
	bool noted;		   /* something has been touched, and the state knows */
};

/* The backup's file, opened with its key or passphrase (those of the options), every byte of it read; ret: the recovery file in it. Nothing else is
 * looked at. cluster, uuid: whose it has to be. */
int etcd_backup_open(const struct options *o, const char *path, const char *cluster, const char *uuid, struct etcd_file *ret_file,
		     struct json_object **ret_recovery, struct error **err) MUST_USE;
/* What is sealed in it alone; ret: the recovery file, secret. */
int etcd_backup_unseal(const struct options *o, struct etcd_file *f, struct buf *ret, struct error **err) MUST_USE;
/* Connects to all control planes, which stay connected, and tells all that stands against it. */
int etcd_restore_look(struct restore *r, struct findings *ret, struct error **err) MUST_USE;
