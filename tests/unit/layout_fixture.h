/*
 * layout_fixture: clusters that are laid out in other ways, against the cloud in memory: found complete when they were made, and removed so that only
 * what belongs to others is left.
 */
#pragma once
#include "tests/unit/cluster_fixture.h"

/* The beginnings of their files. */
#define HEAD "apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: demo}\nspec:\n  platform: {version: 1.36.3}\n"
#define CLOUD "  openstack: {image: debian-12}\n"
#define CP "  controlPlane: {flavor: m1.small}\n"
#define REGISTRY "  registry: {volume: {size: 5}}\n"

/* others: puts into the cloud what others have; or NULL */
void layout_begin(struct cluster *c, const char *text, void (*others)(void));
void layout_end(struct cluster *c);
void layout_assert_complete(struct cluster *c); /* nothing is left to do */
void layout_assert_removed(struct cluster *c);	/* removes it; what others have is as layout_begin() found it */
/* Every call fails once, in every way; the next run completes it, and the one after that has nothing to do. */
void layout_torture(const char *text, void (*others)(void));
