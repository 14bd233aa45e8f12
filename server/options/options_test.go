package options

import (
	"crypto/tls"
	"fmt"
	"net/url"
	"reflect"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/stretchr/testify/require"
)

// fill sets everything below v to something that is not zero, with lists and maps of one element.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprint("text ", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(int64(*n%100 + 1))
	case reflect.Uint8, reflect.Uint16:
		v.SetUint(uint64(*n%100 + 1))
	case reflect.Float64:
		v.SetFloat(float64(*n))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), n)
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, n)
		fill(value, n)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		switch c := v.Interface().(type) {
		case *tls.Config:
			c.ServerName = fmt.Sprint("tls ", *n)
			return
		case *url.URL:
			*c = url.URL{Scheme: "nats", Host: fmt.Sprint("host", *n), User: url.UserPassword("a", "b")}
			return
		case *jwt.OperatorClaims: // immutable
			v.SetZero()
			return
		}
		fill(v.Elem(), n)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), n)
			}
		}
	case reflect.Interface, reflect.Func: // the program's own
	default:
		panic("no idea how to fill " + v.Type().String())
	}
}

// addresses collects what the pointers, slices and maps below v point to.
func addresses(v reflect.Value, path string, into map[uintptr]string) {
	switch v.Kind() {
	case reflect.Slice:
		into[v.Pointer()] = path
		for i := range v.Len() {
			addresses(v.Index(i), path+"[]", into)
		}
	case reflect.Map:
		into[v.Pointer()] = path
	case reflect.Pointer:
		if !v.IsNil() {
			into[v.Pointer()] = path
		}
		switch v.Interface().(type) {
		case *tls.Config, *url.URL, *jwt.OperatorClaims:
		default:
			addresses(v.Elem(), path, into)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if !v.Type().Field(i).IsExported() {
				continue
			}
			addresses(v.Field(i), path+"."+v.Type().Field(i).Name, into)
		}
	}
}

// A clone has everything of its original and shares nothing with it.
func TestClone(t *testing.T) {
	var o Options
	n := 0
	fill(reflect.ValueOf(&o).Elem(), &n)
	c := o.Clone()
	require.Equal(t, &o, c)

	original, copied := map[uintptr]string{}, map[uintptr]string{}
	addresses(reflect.ValueOf(o), "Options", original)
	addresses(reflect.ValueOf(*c), "Options", copied)
	require.NotEmpty(t, original)
	for address, path := range copied {
		require.NotContains(t, original, address, path)
	}
}

func TestCloneOfNothing(t *testing.T) {
	var o *Options
	require.Nil(t, o.Clone())
	require.Equal(t, &Options{}, (&Options{}).Clone())
	var p *Permissions
	require.Nil(t, p.Clone())
	withUser := &Options{Users: []*User{{Permissions: &Permissions{}}}}
	require.Equal(t, withUser, withUser.Clone())
}

// Empty is not nil: empty Users let nobody in, where nil Users let everybody in.
func TestCloneKeepsEmptyLists(t *testing.T) {
	o := &Options{Users: []*User{}, Nkeys: []*NkeyUser{nil}, TLSPinnedCerts: PinnedCertSet{}, Tags: []string{}}
	require.Equal(t, o, o.Clone())
	require.NotNil(t, o.Clone().Users)
}

// One account stays one account.
func TestCloneKeepsAccountsTogether(t *testing.T) {
	a := NewAccount("A")
	o := &Options{Accounts: []*Account{a}, Users: []*User{{Account: a}, {Account: a}}, Nkeys: []*NkeyUser{{Account: a}}}
	c := o.Clone()
	require.NotSame(t, a, c.Accounts[0])
	require.Same(t, c.Accounts[0], c.Users[0].Account)
	require.Same(t, c.Accounts[0], c.Users[1].Account)
	require.Same(t, c.Accounts[0], c.Nkeys[0].Account)
}

// Defaults that embedding programs compare with what a server reports.
func TestDefaults(t *testing.T) {
	require.Equal(t, 4222, DefaultPort)
	require.Equal(t, 2*time.Second, DefaultAuthTimeout)
	require.Equal(t, 67108864, DefaultMaxPending)
}
