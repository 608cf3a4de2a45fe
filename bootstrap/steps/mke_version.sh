# The version of MKE on this node, as its parts are labelled: https://docs.mirantis.com/mke/3.8/ops/get-support/get-support-bundle.html
exec docker container inspect --format '{{index .Config.Labels "com.docker.ucp.version"}}' ucp-proxy
