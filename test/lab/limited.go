package lab

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/minio/minio-go/v7/pkg/signer"
)

// ReadOnly is a policy for LimitedUser: buckets and objects may be listed and
// read, nothing may be written.
const ReadOnly = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:Get*","s3:List*"],"Resource":["arn:aws:s3:::*"]}]}`

// LimitedUser makes a user who may do only what policy, a document of AWS's
// form, allows. It is a service account of the root user: one request gives
// user and policy.
func (m *MinIO) LimitedUser(t testing.TB, policy string) (accessKey, secretKey string) {
	t.Helper()
	accessKey, secretKey = rand.Text()[:20], rand.Text()
	content, err := json.Marshal(map[string]any{"accessKey": accessKey, "secretKey": secretKey, "policy": json.RawMessage(policy)})
	if err != nil {
		t.Fatal(err)
	}
	body, err := seal(m.SecretKey, content)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, m.url("/minio/admin/v3/add-service-account"), bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(body)
	request.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
	answer, err := anyone.Do(signer.SignV4(*request, m.AccessKey, m.SecretKey, "", ""))
	if err != nil {
		t.Fatalf("making a user of MinIO: %v", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(answer.Body) // only for the message
		t.Fatalf("making a user of MinIO: %s: %s", answer.Status, text)
	}
	return accessKey, secretKey
}

// seal encrypts what MinIO's admin API takes in no other form: as EncryptData
// of github.com/minio/madmin-go does, a module that go.mod is spared for one
// request. It is salt, kind of cipher, nonce, and one fragment of at most 16
// KiB in the format of github.com/secure-io/sio-go. Of the ciphers it is the
// one that needs only the standard library.
func seal(password string, data []byte) ([]byte, error) {
	const pbkdf2AESGCM, rounds, lastFragment = 0x02, 8192, 0x80
	header := make([]byte, 32+1+8)
	rand.Read(header)
	header[32] = pbkdf2AESGCM
	key, err := pbkdf2.Key(sha256.New, password, header[:32], rounds, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	nonce := func(fragment uint32) []byte {
		return binary.LittleEndian.AppendUint32(bytes.Clone(header[33:]), fragment)
	}
	// Fragment 0 is the tag of the associated data, of which there are none.
	associated := gcm.Seal([]byte{lastFragment}, nonce(0), nil, nil)
	return gcm.Seal(header, nonce(1), data, associated), nil
}
