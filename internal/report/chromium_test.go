package report

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// browser is a page of a real Chromium, driven by its DevTools protocol.
type browser struct {
	t       *testing.T
	conn    *websocket.Conn
	session string
	number  int
	events  []event
}

type event struct {
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

var debuggerAt = regexp.MustCompile(`DevTools listening on (ws://\S+)`)

// openBrowser skips where there is no Chromium, but fails in CI, which installs it.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" && os.Getenv("CI") != "" {
		t.Fatal("there is no Chromium, which .ci/run installs")
	}
	if path == "" || testing.Short() {
		t.Skip("there is no Chromium here, or this is make quick: `make report-check` installs it")
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := exec.CommandContext(ctx, path, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
		"--user-data-dir="+t.TempDir(), "--remote-debugging-port=0", "about:blank")
	stderr, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stderr)
	address := ""
	for address == "" && lines.Scan() {
		if m := debuggerAt.FindStringSubmatch(lines.Text()); m != nil {
			address = m[1]
		}
	}
	go func() {
		for lines.Scan() { // or a full pipe would hold it up
		}
	}()
	conn, _, err := websocket.DefaultDialer.Dial(address, nil)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	b := &browser{t: t, conn: conn}
	t.Cleanup(func() {
		_ = conn.WriteJSON(map[string]any{"id": 0, "method": "Browser.close"})
		_ = c.Wait()
		cancel()
		_ = conn.Close()
	})
	target := b.call("Target.createTarget", map[string]any{"url": "about:blank"})
	b.session = b.call("Target.attachToTarget", map[string]any{"targetId": target["targetId"], "flatten": true})["sessionId"].(string)
	for _, domain := range []string{"Page", "Runtime", "Log", "Network", "Accessibility"} {
		b.call(domain+".enable", nil)
	}
	return b
}

// call waits for the answer of a method, and keeps the events before it.
func (b *browser) call(method string, params map[string]any) map[string]any {
	b.t.Helper()
	b.number++
	m := map[string]any{"id": b.number, "method": method, "params": params}
	if params == nil {
		delete(m, "params")
	}
	if b.session != "" {
		m["sessionId"] = b.session
	}
	if err := b.conn.WriteJSON(m); err != nil {
		b.t.Fatal(err)
	}
	for {
		answer := b.read()
		if answer.ID != b.number {
			b.events = append(b.events, answer.event)
			continue
		}
		if answer.Error != nil {
			b.t.Fatalf("%s: %s", method, answer.Error.Message)
		}
		return answer.Result
	}
}

type answer struct {
	ID     int            `json:"id"`
	Result map[string]any `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
	event
}

func (b *browser) read() answer {
	b.t.Helper()
	var a answer
	_ = b.conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	if err := b.conn.ReadJSON(&a); err != nil {
		b.t.Fatal(err)
	}
	return a
}

// open loads a file, whole with its scripts.
func (b *browser) open(path string) {
	b.t.Helper()
	b.events = nil
	b.call("Page.navigate", map[string]any{"url": "file://" + path})
	for !b.seen("Page.loadEventFired") {
		b.events = append(b.events, b.read().event)
	}
	b.eval("new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))")
}

func (b *browser) seen(method string) bool {
	for _, e := range b.events {
		if e.Method == method {
			return true
		}
	}
	return false
}

// eval is what an expression of JavaScript gives, a promise's value included.
func (b *browser) eval(expression string) any {
	b.t.Helper()
	r := b.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true})
	if r["exceptionDetails"] != nil {
		b.t.Fatalf("%s: %v", expression, r["exceptionDetails"])
	}
	return r["result"].(map[string]any)["value"]
}

// screen sets the width, and light or dark.
func (b *browser) screen(width, height int, scheme string) {
	b.t.Helper()
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600})
	b.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]any{{"name": "prefers-color-scheme", "value": scheme}}})
	b.eval("new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))")
}

// press sends a key.
func (b *browser) press(key string, code int) {
	b.t.Helper()
	for _, kind := range []string{"keyDown", "keyUp"} {
		b.call("Input.dispatchKeyEvent", map[string]any{"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code})
	}
}

// shoot saves the whole page as a picture where GNN_SCREENSHOTS names a folder.
func (b *browser) shoot(name string) {
	b.t.Helper()
	folder := os.Getenv("GNN_SCREENSHOTS")
	if folder == "" {
		return
	}
	for suffix, whole := range map[string]bool{"": true, "-top": false} {
		picture := b.call("Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": whole})["data"].(string)
		content, err := base64.StdEncoding.DecodeString(picture)
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, name+suffix+".png"), content, 0o644)
		}
		if err != nil {
			b.t.Fatal(err)
		}
	}
}

// pages are the reports to look at: those of GNN_REPORTS, a list of files, or one
// made here in each language.
func pages(t *testing.T) map[string]string {
	list := map[string]string{}
	if given := os.Getenv("GNN_REPORTS"); given != "" {
		for _, path := range strings.Split(given, ",") {
			list[filepath.Base(filepath.Dir(path))] = path
		}
		return list
	}
	for _, lang := range []string{"en", "ru"} {
		path := filepath.Join(t.TempDir(), "report.html")
		if err := os.WriteFile(path, written(t, sample(t, lang)), 0o644); err != nil {
			t.Fatal(err)
		}
		list[lang] = path
	}
	return list
}

func TestInARealBrowser(t *testing.T) {
	b := openBrowser(t)
	for name, path := range pages(t) {
		t.Run(name, func(t *testing.T) {
			b.t = t
			b.screen(1280, 800, "light")
			b.open(path)
			timing := b.eval(`(() => { const n = performance.getEntriesByType("navigation")[0]; return n.loadEventEnd - n.startTime })()`)
			t.Logf("loaded after %.0f ms", timing)
			for _, e := range b.events {
				if e.Method == "Runtime.consoleAPICalled" || e.Method == "Runtime.exceptionThrown" || e.Method == "Log.entryAdded" {
					t.Errorf("%s: %s", e.Method, e.Params)
				}
				if e.Method == "Network.requestWillBeSent" && !strings.Contains(string(e.Params), "file://") && !strings.Contains(string(e.Params), `"url":"data:`) {
					t.Errorf("a request: %s", e.Params)
				}
			}
			if bad := b.eval(`document.querySelectorAll("img, iframe, object, [onerror]").length`); bad != 0.0 {
				t.Errorf("%v elements that nobody wrote", bad)
			}
			charts, drawn := b.eval(`document.querySelectorAll(".chart").length`), b.eval(`document.querySelectorAll(".chart canvas").length`)
			if charts != drawn || charts.(float64) < 3 {
				t.Errorf("%v charts, %v of them drawn", charts, drawn)
			}
			light := b.eval(`getComputedStyle(document.body).backgroundColor`)
			b.shoot(name + "-light")
			b.slides()
			b.sorts()
			b.screen(1280, 800, "dark")
			if dark := b.eval(`getComputedStyle(document.body).backgroundColor`); dark == light {
				t.Errorf("the background is %v, light and dark", dark)
			}
			b.shoot(name + "-dark")
			b.screen(375, 740, "light")
			b.eval("new Promise(r => setTimeout(r, 50))")
			if wide := b.eval(`document.documentElement.scrollWidth`); wide.(float64) > 375 {
				t.Errorf("on a phone the page is %v pixels wide; too wide: %v", wide,
					b.eval(`Array.from(document.querySelectorAll("body *")).filter(e => e.getBoundingClientRect().right > 376 && !e.closest(".scroll")).slice(0, 5).map(e => e.tagName + "." + e.className).join(" ")`))
			}
			b.shoot(name + "-phone")
		})
	}
}

// slides moves the graph's slider by keyboard.
func (b *browser) slides() {
	b.t.Helper()
	if b.eval(`!!document.getElementById("when")`) != true {
		return
	}
	state := func() string {
		return fmt.Sprint(b.eval(`document.getElementById("when-text").textContent + "|" + document.getElementById("edges").textContent + "|" + document.querySelectorAll("#market .edge").length`))
	}
	before := state()
	b.eval(`document.getElementById("when").focus()`)
	b.press("ArrowLeft", 37)
	after := state()
	if before == after || strings.Contains(after, "undefined") || strings.Contains(after, "NaN") {
		b.t.Errorf("the slider moves from %q to %q", before, after)
	}
	if b.eval(`document.getElementById("when").matches(":focus-visible")`) != true {
		b.t.Error("the focus is not seen")
	}
	b.eval(`(() => { const s = document.getElementById("which"); s.value = "0"; s.dispatchEvent(new Event("change")) })()`)
	if b.eval(`document.querySelectorAll("#market .edge.dim").length > 0 || document.getElementById("edges").rows.length === 0 || document.querySelectorAll("#market .edge").length < 2`) != true {
		b.t.Error("one symbol's edges are not told from the others")
	}
	b.eval(`document.querySelector("#market .hit").dispatchEvent(new Event("pointerenter"))`)
	if tip := fmt.Sprint(b.eval(`document.getElementById("tip").textContent`)); !regexp.MustCompile(`–.*: −?\d\.\d\d$`).MatchString(tip) {
		b.t.Errorf("an edge says %q", tip)
	}
	b.eval(`document.querySelector("#market .hit").dispatchEvent(new Event("pointerleave"))`)
	b.eval(`(() => { const s = document.getElementById("which"); s.value = "-1"; s.dispatchEvent(new Event("change")) })()`)
}

// sorts presses the heading of AUC.
func (b *browser) sorts() {
	b.t.Helper()
	sorted := b.eval(`(() => {
		const table = document.querySelector("table.sortable");
		table.tHead.rows[0].cells[2].querySelector("button").click();
		const values = Array.from(table.tBodies[0].rows).map(r => parseFloat(r.cells[2].textContent)).filter(v => !isNaN(v));
		return table.tHead.rows[0].cells[2].getAttribute("aria-sort") + " " + values.every((v, i) => i === 0 || values[i - 1] >= v);
	})()`)
	if sorted != "descending true" {
		b.t.Errorf("sorted: %v", sorted)
	}
}
