import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// The form of the code, checked like its behaviour: each rule names what is to be used instead.
struct TidyTests {
    private struct Source {
        var path: String
        var lines: [Substring]
    }

    @Test func coreImportsNothingAndAsksForNoTimeNorRandomness() throws {
        for source in try sources(under: "Sources/FederationCore") {
            for (number, line) in source.lines.enumerated() where !isComment(line) {
                let place = "\(source.path):\(number + 1)"
                #expect(!line.contains("import "), "\(place): Core imports nothing; take it as an argument")
                for banned in ["Date()", "ContinuousClock", "SuspendingClock", "SystemRandomNumberGenerator", "Task.sleep"] {
                    #expect(!line.contains(banned), "\(place): \(banned) in Core; time and randomness are arguments")
                }
                if line.contains(".random(in") {
                    #expect(line.contains("using:"), "\(place): random without a generator; take one as an argument")
                }
            }
        }
    }

    @Test func nothingCrashesOnPurposeOrReadsTheTextOfAnError() throws {
        let banned = [
            ("try!", "handle the failure"), ("as!", "use as?"), ("fatalError(", "use a closed failure enum"),
            (".localizedDescription", "switch over the error's cases"), ("String(describing: error", "switch over its cases"),
        ]
        for source in try sources(under: "Sources") {
            for (number, line) in source.lines.enumerated() where !isComment(line) {
                for (word, instead) in banned {
                    #expect(!line.contains(word), "\(source.path):\(number + 1): \(word): \(instead)")
                }
            }
        }
    }

    @Test func whatTheCompilerIsToTrustHasItsReasonBesideIt() throws {
        for source in try sources(under: "Sources") {
            for (number, line) in source.lines.enumerated() where !isComment(line) {
                guard line.contains("@unchecked Sendable") || line.contains("nonisolated(unsafe)") else { continue }
                let above = source.lines[max(0, number - 6)..<number].joined(separator: "\n")
                #expect(above.contains("SAFETY:"), "\(source.path):\(number + 1): say why it is safe, after 'SAFETY:'")
            }
        }
    }

    @Test func onlyTheConsolePrints() throws {
        for source in try sources(under: "Sources") where !source.path.hasSuffix("Console.swift") {
            for (number, line) in source.lines.enumerated() where !isComment(line) {
                let prints = line.drop { $0 == " " }.hasPrefix("print(") || line.contains(" debugPrint(")
                #expect(!prints, "\(source.path):\(number + 1): print: use Console or Logger")
            }
        }
    }

    @Test func eachCLibraryIsImportedByOneModule() throws {
        let owners = [
            "CSQLite": "FederationStore", "CYAML": "FederationConfig", "COpenSSL": "FederationCrypto",
            "CCurl": "FederationHTTP", "CMicroHTTPD": "FederationHTTP", "CZstd": "FederationHTTP", "CProcess": "Federation",
        ]
        for source in try sources(under: "Sources") {
            for line in source.lines where line.hasSuffix("import " + (line.split(separator: " ").last ?? "")) {
                let library = String(line.split(separator: " ").last ?? "")
                // The certificates of tests are made there.
                guard let owner = owners[library], library != "COpenSSL" || !source.path.hasSuffix("/TestAuthority.swift") else {
                    continue
                }
                #expect(source.path.contains("/\(owner)/"), "\(source.path): \(line): only \(owner) may")
            }
        }
    }

    private func isComment(_ line: Substring) -> Bool { line.drop { $0 == " " }.hasPrefix("//") }

    private func sources(under folder: String, file: String = #filePath) throws -> [Source] {
        let root = file.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        var found: [Source] = []
        try walk("\(root)/\(folder)", &found)
        try #require(!found.isEmpty)
        return found
    }

    private func walk(_ path: String, _ found: inout [Source]) throws {
        let directory = try #require(opendir(path), "\(path)")
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if name.hasPrefix(".") { continue }
            if name.hasSuffix(".swift") {
                found.append(Source(path: "\(path)/\(name)", lines: try text("\(path)/\(name)").split(separator: "\n", omittingEmptySubsequences: false)))
            } else if entry.pointee.d_type == UInt8(DT_DIR) {
                try walk("\(path)/\(name)", &found)
            }
        }
    }

    private func text(_ path: String) throws -> String {
        let file = try #require(fopen(path, "r"))
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { bytes += buffer[..<count] }
        return String(decoding: bytes, as: UTF8.self)
    }
}
