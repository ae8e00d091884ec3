import Foundation
import Testing

/// Each promise of the threat model names tests that are there.
@Suite struct ThreatModelTests {
    private let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    @Test func eachPromiseHasItsTest() throws {
        let text = try String(contentsOf: package.appending(path: "docs/threat-model.md"), encoding: .utf8)
        let tests = package.appending(path: "Tests")
        var sources: [String] = []
        for file in try FileManager.default.subpathsOfDirectory(atPath: tests.path) where file.hasSuffix(".swift") {
            sources.append(try String(contentsOf: tests.appending(path: file), encoding: .utf8))
        }
        let rows = text.split(separator: "\n").filter { $0.hasPrefix("| ") && !$0.hasPrefix("| promise") }
        #expect(rows.count >= 20)
        for row in rows {
            let named = row.split(separator: "|").last?.split(separator: "`").filter { $0.contains("Tests") } ?? []
            #expect(!named.isEmpty, "no test backs: \(row)")
            for name in named {
                let parts = name.split(separator: "/").map(String.init)
                let isThere = sources.contains { source in
                    source.contains("struct \(parts[0]) ") && (parts.count == 1 || source.contains("func \(parts[1])("))
                }
                #expect(isThere, "\(name) is nowhere")
            }
        }
    }
}
