import Testing

@testable import FederationConfig

@Suite struct ByteCountTests {
    private func reasons(_ size: String) -> [ConfigProblem.Reason] {
        problems("name: a\nstore:\n  max_size: \(size)\n").map(\.reason)
    }

    @Test(arguments: [
        ("1MB", 1_000_000), ("500MB", 500_000_000), ("2GB", 2_000_000_000), ("2GiB", 2 << 30), ("1024KiB", 1 << 20),
        ("1000KB", 1_000_000), ("1000TB", 1_000_000_000_000_000), ("1000000B", 1_000_000),
    ] as [(String, Int64)])
    func sizesAreRead(_ text: String, _ bytes: Int64) throws {
        let decoded = try Config.decode(Array("name: a\nstore: {max_size: \(text)}\n".utf8)).get()
        #expect(decoded.config.store.maxSize == ByteCount(bytes))
    }

    @Test func withoutOneThereIsNoQuota() throws {
        #expect(try Config.decode(Array("name: a\n".utf8)).get().config.store.maxSize == nil)
    }

    @Test func whatIsNoSizeIsToldApart() {
        for text in ["x", "GB", "2 GB", "2gb", "1.5GB", "-2GB", "2GBs", "0x10MB"] { #expect(reasons(text) == [.notASize(text)]) }
        #expect(reasons("2000000000") == [.sizeWithoutUnit("2000000000")])
        for text in ["0MB", "999KB", "1001TB", "99999999999999999999GB", "9223372036854775807TiB"] {
            #expect(reasons(text) == [.sizeOutOfRange(Config.storeSizes)], "\(text)")
        }
        let problem = problems("name: a\nstore:\n  max_size: 12\n").first
        #expect(problem?.description == "3:13: store.max_size: '12' has no unit: write it as 500MB, 2GB or 2GiB")
        #expect(reasons("7KB").first?.text == "must be from 1MB to 1000TB")
    }

    @Test(arguments: [
        (2_000_000_000, "2GB"), (2 << 30, "2GiB"), (1_500_000_000, "1500MB"), (1 << 20, "1MiB"), (1025, "1025B"), (0, "0B"),
    ] as [(Int64, String)])
    func sizesAreSaidExactly(_ bytes: Int64, _ text: String) {
        #expect(ByteCount(bytes).shortText == text)
    }
}
