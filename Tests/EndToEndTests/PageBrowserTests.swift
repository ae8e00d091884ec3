import FederationCore
import HostileKit
import Testing

/// What the browser tests need, which `.ci/interop-packages` brings.
private enum PageBrowser {
    /// What looks for whatever keeps people out (axe-core), from a package of PyPI.
    static let axe = InteropPython.interpreter.replacing("/bin/python", with: "/axe/axe_playwright_python/axe.min.js")
    static var isThere: Bool { InteropPython.isThere && TestFile.exists("/usr/bin/chromedriver") && TestFile.exists(axe) }
}

/// The page in Debian's chromium: `Tests/Interop/page/page_test.py` starts a ring and looks at it as people do.
@Suite(.serialized, .enabled(if: PageBrowser.isThere, "run .ci/interop-packages: chromium is missing"))
struct PageBrowserTests {
    @Test func thePageIsWhatPeopleNeed() async throws {
        let scratch = ScratchDirectory()
        let output = scratch.file("page")
        let script = try ChildProcess(
            InteropPython.interpreter, [InteropPython.script("page/page_test.py"), Program.path, scratch.path, PageBrowser.axe],
            output: output, error: output + ".err")
        let ending = try await script.end()
        #expect(ending == .exited(0), "\(TestFile.text(output))\n\(TestFile.text(output + ".err"))")
        print(TestFile.text(output), terminator: "")
    }
}
