package crictl

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// client is the connection to the container runtime, made when it is first asked for.
type client struct {
	settings settings
	image    cri.ImageServiceClient
	runtime  cri.RuntimeServiceClient
}

// connect makes the connection; commands that do not need it do not call this.
func (c *client) connect(ctx context.Context) error {
	if err := c.settings.load(); err != nil {
		return err
	}
	runtime, err := c.dial(ctx, c.settings.runtime)
	if err != nil {
		return err
	}
	image := runtime
	if c.settings.image != "" && c.settings.image != c.settings.runtime {
		if image, err = c.dial(ctx, c.settings.image); err != nil {
			return err
		}
	}
	c.runtime, c.image = cri.NewRuntimeServiceClient(runtime), cri.NewImageServiceClient(image)
	return nil
}

func (c *client) dial(ctx context.Context, endpoint string) (*grpc.ClientConn, error) {
	connection, err := grpc.NewClient(withScheme(endpoint), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.settings.timeout)
	defer cancel()
	connection.Connect()
	for state := connection.GetState(); state != connectivity.Ready; state = connection.GetState() {
		if !connection.WaitForStateChange(ctx, state) {
			return nil, fmt.Errorf("no container runtime answers at %s", endpoint)
		}
	}
	return connection, nil
}

// withScheme also takes the path of a socket.
func withScheme(endpoint string) string {
	if strings.HasPrefix(endpoint, "/") {
		return "unix://" + endpoint
	}
	return endpoint
}
