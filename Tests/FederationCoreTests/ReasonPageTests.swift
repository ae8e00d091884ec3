import FederationCore
import Foundation
import Testing

/// docs/reasons.md has a section for each reason and no other, and names each code.
@Suite struct ReasonPageTests {
    private let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private func text(_ path: String) throws -> String {
        try String(contentsOf: package.appending(path: path), encoding: .utf8)
    }

    @Test func eachReasonHasItsSectionAndNoOtherHas() throws {
        let page = try text("docs/reasons.md")
        let sections = page.components(separatedBy: "\n## ").dropFirst()
        #expect(sections.map { String($0.prefix { $0 != "\n" }) } == Reason.allCases.map(\.rawValue))
        for (reason, section) in zip(Reason.allCases, sections) {
            #expect(section.contains("**Causes**: ") && section.contains("**What to do**: "), "\(reason)")
            #expect(reason.help == "federation help \(reason.rawValue)")
        }
    }

    /// The codes as the sources spell them: `case .notJSON: "not_json"`.
    @Test(arguments: [("EventRefusal", 21), ("Record", 7)]) func eachCodeIsNamed(file: String, count: Int) throws {
        let table = try #require(try text("docs/reasons.md").components(separatedBy: "# Codes of events").last)
        let source = try text("Sources/FederationCore/\(file).swift")
        let body = try #require(source.components(separatedBy: "package var code: String {").last)
        let codes = body.prefix(upTo: body.range(of: "\n    }\n")?.lowerBound ?? body.endIndex)
            .matches(of: /: "([a-z_]+)/).map { String($0.1) }
        #expect(codes.count == count)
        for code in codes {
            let isNamed = table.contains("`\(code)`") || table.contains("`\(code)…`") || table.contains("`\(code):")
            #expect(isNamed, "\(code)")
        }
    }
}
