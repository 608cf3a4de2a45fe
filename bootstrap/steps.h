/* steps: the table of what is done on a node, in order, and install.sh made of it.  Pure. */
#pragma once
#include "bootstrap/bootstrap.h"

/* The steps that this run has, in order. */
void steps_list(const struct bootstrap_run *run, struct strv *ret);
/* The text of install.sh; run->files must hold the configuration already. */
void steps_render(const struct bootstrap_run *run, struct buf *ret);
