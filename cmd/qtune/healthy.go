package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

// healthyCmd is the health check of a simulated engine's container, in which there
// is no program but this one.
func healthyCmd() *cobra.Command {
	return &cobra.Command{
		Use:    "healthy URL",
		Short:  "Exit 0 if a server answers 200 (the health check of simulated engines)",
		Hidden: true,
		Args:   exactly(1, "one URL"),
		RunE:   func(c *cobra.Command, args []string) error { return healthy(c.Context(), args[0]) },
	}
}

func healthy(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("ask %s: %w", url, err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	if err := res.Body.Close(); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %d", url, res.StatusCode)
	}
	return nil
}
