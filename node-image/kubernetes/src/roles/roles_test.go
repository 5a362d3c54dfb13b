package roles

import "testing"

func TestKubeconfigFlag(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"--leader-elect=true", "--kubeconfig=/etc/kubernetes/scheduler.conf"}, "/etc/kubernetes/scheduler.conf"},
		{[]string{"--kubeconfig", "/a", "--v=2"}, "/a"},
		{[]string{"--authentication-kubeconfig=/a", "--authorization-kubeconfig=/b"}, ""},
		{[]string{"--kubeconfig"}, ""},
		{nil, ""},
	} {
		if got := kubeconfigFlag(test.args); got != test.want {
			t.Errorf("%v: %q", test.args, got)
		}
	}
}
