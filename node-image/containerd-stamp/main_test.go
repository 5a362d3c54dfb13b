package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

// written is a database whose keys were written in this order, at this time.
func written(t *testing.T, keys []string, at time.Time) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "meta.db")
	db, err := bolt.Open(file, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, key := range keys {
		err := db.Update(func(tx *bolt.Tx) error {
			images, err := tx.CreateBucketIfNotExists([]byte("images"))
			if err != nil {
				return err
			}
			image, err := images.CreateBucket([]byte(key))
			if err != nil {
				return err
			}
			value, _ := at.UTC().MarshalBinary()
			for _, name := range []string{"createdat", "updatedat"} {
				if err := image.Put([]byte(name), value); err != nil {
					return err
				}
			}
			if err := images.SetSequence(uint64(len(keys))); err != nil {
				return err
			}
			return image.Put([]byte("digest"), bytes.Repeat([]byte(key), 3000))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return file
}

func TestEqualContentsAreEqualFiles(t *testing.T) {
	keys := []string{"busybox", "coredns", "etcd", "pause"}
	first := written(t, keys, time.Now())
	slices.Reverse(keys)
	second := written(t, keys, time.Now().Add(time.Hour))
	at := time.Unix(1700000000, 0)
	var files [][]byte
	for _, file := range []string{first, second} {
		if err := stamp(file, at); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, content)
	}
	if !bytes.Equal(files[0], files[1]) {
		t.Error("the files differ")
	}
	db, err := bolt.Open(first, 0o600, &bolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.View(func(tx *bolt.Tx) error {
		images := tx.Bucket([]byte("images"))
		if images.Sequence() != 4 {
			t.Errorf("sequence %d", images.Sequence())
		}
		etcd := images.Bucket([]byte("etcd"))
		var created time.Time
		if err := created.UnmarshalBinary(etcd.Get([]byte("createdat"))); err != nil || !created.Equal(at) {
			t.Errorf("created at %v, %v", created, err)
		}
		if got := etcd.Get([]byte("digest")); !bytes.Equal(got, bytes.Repeat([]byte("etcd"), 3000)) {
			t.Errorf("%d bytes", len(got))
		}
		return nil
	})
}
