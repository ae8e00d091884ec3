import Foundation
import Testing

/// The fuzzers are what docs/testing.md says, each with inputs to begin with.
@Suite struct FuzzTests {
    private static let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private static func names() throws -> [String] {
        let sources = package.appending(path: "Fuzz/Sources")
        var names: [String] = []
        for file in try FileManager.default.contentsOfDirectory(atPath: sources.path) {
            let text = try String(contentsOf: sources.appending(path: file), encoding: .utf8)
            for line in text.split(separator: "\n") where line.contains("static let name = \"") {
                names.append(String(line.split(separator: "\"")[1]))
            }
        }
        return names.sorted()
    }

    @Test func eachFuzzerHasItsRowAndNoOtherHas() throws {
        let text = try String(contentsOf: Self.package.appending(path: "docs/testing.md"), encoding: .utf8)
        let section = try #require(text.split(separator: "## Fuzzing").last?.split(separator: "\n## ").first)
        let rows = section.split(separator: "\n").filter { $0.hasPrefix("| `") }
        #expect(rows.map { String($0.split(separator: "`")[1]) }.sorted() == (try Self.names()))
    }

    @Test func eachFuzzerHasACorpusAndAllAreSmall() throws {
        let corpus = Self.package.appending(path: "Fuzz/Corpus")
        #expect(try FileManager.default.contentsOfDirectory(atPath: corpus.path).sorted() == Self.names())
        var bytes = 0
        for name in try Self.names() {
            let folder = corpus.appending(path: name)
            let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            #expect(files.count >= 2, "\(name) has hardly anything to begin with")
            for file in files { bytes += try Data(contentsOf: folder.appending(path: file)).count }
        }
        #expect(bytes < 2 << 20, "the corpora have \(bytes) bytes")
    }
}
