/* remote: a shell program of steps/ as root on a node, over SSH. */
#pragma once
#include "core/net/ssh.h"

/* "sudo -n sh -c TEXT davit", to which the caller appends arguments. */
void remote_command(struct buf *command, const char *text);
/* The same of a script that runs a vendor's own commands, behind what those scripts share (steps/installer.sh). */
void remote_installer(struct buf *command, const char *text);
void remote_arguments(struct buf *command, const char *const *words, size_t n); /* each is quoted */
/* As ssh_run(); a status other than 0 is an ERROR_NODE: "WHAT ended with status N: the last lines of standard error".
 * c->errors is set by this. */
int remote_run(struct ssh *s, const char *what, struct ssh_command *c, struct error **err) MUST_USE;
/* The last lines of what was said, without blank ones, for messages: "; " between them.  The caller frees. */
char *remote_words(const char *errors) MUST_USE;
