/*
 * renewed: the certificates of a node that it renews by itself, as the cluster's control planes are given them to sign anew.  Pure.
 */
#pragma once
#include "core/base/digest.h"
#include "core/base/fileset.h"
#include "core/base/json.h"

/* Of all files of a node (pki_node_files()): {"kubelet": PEM, …, "ends": when the first of them ends, in seconds since 1970, as text}, each by the name that
 * PKI_RENEWED_FILE gives it; the caller puts. NULL: there are none. */
struct json_object *renewed_data(const struct fileset *files);
/* Of what stays of them when nodes have renewed them. */
void renewed_digest(const struct fileset *files, char ret_hex[DIGEST_HEX_LEN + 1]);
