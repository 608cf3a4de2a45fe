# shellcheck shell=bash
# What a client needs: clouds.yaml with the member ('lab') and the administrator ('lab-admin'), and the member's openrc.

credentials_write() {
    cat >"$LAB/clouds.yaml" <<YAML
clouds:
  lab:
    region_name: RegionOne
    identity_api_version: 3
    auth:
      auth_url: http://$IP:5000/v3
      username: demo
      password: demo
      project_name: demo
      user_domain_name: Default
      project_domain_name: Default
  lab-admin:
    region_name: RegionOne
    identity_api_version: 3
    auth:
      auth_url: http://$IP:5000/v3
      username: admin
      password: lab
      project_name: admin
      user_domain_name: Default
      project_domain_name: Default
YAML
    cat >"$LAB/openrc" <<SHELL
export OS_AUTH_URL=http://$IP:5000/v3
export OS_IDENTITY_API_VERSION=3
export OS_REGION_NAME=RegionOne
export OS_USERNAME=demo
export OS_PASSWORD=demo
export OS_PROJECT_NAME=demo
export OS_USER_DOMAIN_NAME=Default
export OS_PROJECT_DOMAIN_NAME=Default
SHELL
}
