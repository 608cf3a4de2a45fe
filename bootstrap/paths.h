/* paths: where things are on a node. */
#pragma once

#define DAVIT_BIN "/opt/davit/bin/"
#define RUN_FOLDER "/opt/davit/run/"
#define ARTIFACTS_FOLDER "/opt/davit/artifacts/"
#define REGISTRY_CA "/etc/davit/registry-ca.crt"
#define SYSCTL_FILE "/etc/sysctl.d/90-davit.conf"
#define RESOLVED_FILE "/etc/systemd/resolved.conf.d/10-davit.conf"
#define DOCKER_CONFIG "/etc/docker/daemon.json"
#define SSHD_FILE "/etc/davit/sshd.conf" /* the step sshd puts it where sshd reads it */
#define UNIT_FOLDER "/etc/systemd/system/"
