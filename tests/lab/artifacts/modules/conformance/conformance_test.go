// The suite is a package of tests: imported by one, so that "go mod tidy" knows what it needs.
package conformance

import _ "k8s.io/kubernetes/test/e2e"
