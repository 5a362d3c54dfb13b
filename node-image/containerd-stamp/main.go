// containerd-stamp writes a database of containerd anew, so that it is the same for
// equal contents: all times are one time, and the order on disk is that of the keys.
//
//	containerd-stamp FILE SECONDS
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"

	bolt "go.etcd.io/bbolt"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "containerd-stamp:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) != 2 {
		return fmt.Errorf("usage: containerd-stamp FILE SECONDS")
	}
	seconds, err := strconv.ParseInt(arguments[1], 10, 64)
	if err != nil {
		return err
	}
	return stamp(arguments[0], time.Unix(seconds, 0))
}

// stamp replaces the file.
func stamp(file string, at time.Time) error {
	value, err := at.UTC().MarshalBinary()
	if err != nil {
		return err
	}
	from, err := bolt.Open(file, 0o600, &bolt.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	defer from.Close()
	os.Remove(file + ".new")
	to, err := bolt.Open(file+".new", 0o644, &bolt.Options{NoSync: true})
	if err != nil {
		return err
	}
	err = from.View(func(tx *bolt.Tx) error {
		return tx.ForEach(func(name []byte, bucket *bolt.Bucket) error {
			return clone(to, [][]byte{name}, bucket, value)
		})
	})
	if err != nil {
		return err
	}
	if err := to.Sync(); err != nil {
		return err
	}
	if err := to.Close(); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// clone writes one bucket, and then those in it. Each has a transaction of its own:
// bbolt writes the buckets of a transaction in no particular order.
func clone(to *bolt.DB, path [][]byte, from *bolt.Bucket, at []byte) error {
	err := to.Update(func(tx *bolt.Tx) error {
		bucket, err := tx.CreateBucketIfNotExists(path[0])
		for _, name := range path[1:] {
			if err == nil {
				bucket, err = bucket.CreateBucketIfNotExists(name)
			}
		}
		if err != nil {
			return err
		}
		if err := bucket.SetSequence(from.Sequence()); err != nil {
			return err
		}
		return from.ForEach(func(key, value []byte) error {
			switch {
			case value == nil:
				return nil
			// (containerd, core/metadata/boltutil/helpers.go)
			case string(key) == "createdat" || string(key) == "updatedat":
				return bucket.Put(key, at)
			default:
				return bucket.Put(key, value)
			}
		})
	})
	if err != nil {
		return err
	}
	return from.ForEachBucket(func(name []byte) error {
		inner := append(append([][]byte{}, path...), name)
		return clone(to, inner, from.Bucket(name), at)
	})
}
