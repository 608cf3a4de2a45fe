/* texts: the shell programs of steps/, as they are; made by embed.sh. */
#pragma once

extern const char text_addons[]; /* what runs over SSH by "sh -c" */
extern const char text_certificates[];
extern const char text_enter[];
extern const char text_etcd_kept[];
extern const char text_etcd_look[];
extern const char text_etcd_push[];
extern const char text_etcd_start[];
extern const char text_etcd_status[];
extern const char text_etcd_swap[];
extern const char text_etcd_back[];
extern const char text_healthy[];
extern const char text_keep[];
extern const char text_key_new[];
extern const char text_key_switch[];
extern const char text_members[];
extern const char text_mke_backup[];
extern const char text_installer[]; /* before those of MKE and MSR */
extern const char text_mke_install[];
extern const char text_mke_ping[];
extern const char text_mke_upgrade[];
extern const char text_mke_version[];
extern const char text_msr_look[];
extern const char text_msr_ping[];
extern const char text_msr_run[];
extern const char text_msr_status[];
extern const char text_prune[];
extern const char text_renewed[];
extern const char text_restore[];
extern const char text_room[];
extern const char text_secrets[];
extern const char text_snapshot[];
extern const char text_swarm_backup[];
extern const char text_swarm_restore[];

extern const char text_prelude[]; /* parts of install.sh */
extern const char text_preflight[];
extern const char text_swap[];
extern const char text_modules[];
extern const char text_sysctl[];
extern const char text_users[];
extern const char text_volume[];
extern const char text_enable[];
extern const char text_member[];
extern const char text_plane[];
extern const char text_artifacts[];
extern const char text_links[];
extern const char text_retire[];
extern const char text_units[];
extern const char text_promote[];
extern const char text_api[];
extern const char text_join[];
extern const char text_resolver[];
extern const char text_serve[];
extern const char text_sshd[];
extern const char text_system[];
extern const char text_packages[];
extern const char text_portainer[];
extern const char text_images[];
extern const char text_controller[];
extern const char text_finish[];
