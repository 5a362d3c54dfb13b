package podnet

import (
	"context"
	"net"
	"os"
	"time"
)

const (
	// kube-proxy may be late, or missing.
	servicesPatience = 3 * time.Second
	servicesPause    = 20 * time.Millisecond
)

// awaitServices returns once Services work on this node, or after a few seconds. A
// pod that starts earlier is refused by the API server's Service, and its client
// waits longer after each refusal.
func awaitServices(ctx context.Context) {
	ctx, stop := context.WithTimeout(ctx, servicesPatience)
	defer stop()
	address := net.JoinHostPort(os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT"))
	var dialer net.Dialer
	for {
		attempt, end := context.WithTimeout(ctx, 10*servicesPause)
		connection, err := dialer.DialContext(attempt, "tcp", address)
		end()
		if err == nil {
			connection.Close()
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(servicesPause):
		}
	}
}
