package monitor

import (
	"fmt"
	"html"
	"net/url"
	"path"
	"strings"
)

// project is where the root page sends readers who want to know more.
const project = "https://github.com/baridmq/barid"

// link is an entry of the root page.
type link struct{ label, path string }

const pageHead = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>barid</title>
<style>
body { font: 1rem/1.6 system-ui, sans-serif; margin: 3rem auto; max-width: 40rem; padding: 0 1rem; }
small { color: #666; }
</style>
</head>
<body>
`

// rootPage writes the page at base. Its links are relative, so that they hold behind a proxy
// which adds a prefix of its own.
func rootPage(base, version, baridVersion string, links []link) []byte {
	var b strings.Builder
	b.WriteString(pageHead)
	fmt.Fprintf(&b, "<h1>barid <small>%s</small></h1>\n", html.EscapeString(baridVersion))
	fmt.Fprintf(&b, "<p>Behaves as <a href=%q>v%s</a></p>\n<ul>\n", project, html.EscapeString(version))
	for _, l := range links {
		ref := url.URL{Path: "./" + strings.TrimPrefix(path.Join(path.Base(base), l.path), "/")}
		fmt.Fprintf(&b, "<li><a href=\"%s\">%s</a></li>\n", html.EscapeString(ref.EscapedPath()), html.EscapeString(l.label))
	}
	fmt.Fprintf(&b, "</ul>\n<p><a href=%q>Help</a></p>\n</body>\n</html>\n", project+"#readme")
	return []byte(b.String())
}
