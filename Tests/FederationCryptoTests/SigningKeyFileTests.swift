import FederationCrypto
import Glibc
import Testing

/// A directory that goes away with everything in it.
private final class Scratch {
    let path: String

    init() throws {
        var template = Array("/tmp/federation-key-XXXXXX\0".utf8CString.dropLast())
        guard let made = mkdtemp(&template) else { throw KeyFileFailure.io(errno: errno) }
        path = String(cString: made)
    }

    func file(_ name: String) -> String { path + "/" + name }

    func make(_ name: String, _ text: [UInt8], mode: mode_t = 0o600) -> String {
        let descriptor = open(file(name), O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        defer { close(descriptor) }
        #expect(write(descriptor, text, text.count) == text.count)
        fchmod(descriptor, mode)
        return file(name)
    }

    var names: [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    deinit {
        for name in names { if unlink(file(name)) != 0 { rmdir(file(name)) } }
        rmdir(path)
    }
}

private let seedText = Array("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".utf8)

@Test func aKeyFileHoldsTheSeedForItsOwnerAlone() throws {
    let scratch = try Scratch()
    let path = scratch.file("node.key")
    try SigningKeyFile.write(SigningKey(seed: NoemaVector.seed), to: path)

    var status = stat()
    #expect(stat(path, &status) == 0)
    #expect(status.st_mode & 0o7777 == 0o600)
    #expect(status.st_nlink == 1)
    #expect(scratch.names == ["node.key"], "the draft is gone")
    let file = try #require(fopen(path, "r"))
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 100)
    let count = fread(&bytes, 1, bytes.count, file)
    #expect(Array(bytes[..<count]) == seedText + [0x0A])

    #expect(try SigningKeyFile.read(path).publicKey.description == NoemaVector.publicKey)
}

@Test func aKeyIsNeverOverwritten() throws {
    let scratch = try Scratch()
    let path = scratch.file("node.key")
    let first = try SigningKey.generate()
    try SigningKeyFile.write(first, to: path)
    #expect(throws: KeyFileFailure.exists) { try SigningKeyFile.write(.generate(), to: path) }
    #expect(try SigningKeyFile.read(path).publicKey == first.publicKey)
    #expect(scratch.names == ["node.key"])

    // A link that leads nowhere is a name that is taken, too.
    #expect(symlink(scratch.file("nowhere"), scratch.file("link")) == 0)
    #expect(throws: KeyFileFailure.exists) { try SigningKeyFile.write(.generate(), to: scratch.file("link")) }
    #expect(scratch.names == ["link", "node.key"])
}

@Test(arguments: [0o640, 0o604, 0o620, 0o660, 0o644, 0o601, 0o666, 0o777] as [UInt32])
func aKeyThatOthersMayTouchIsRefused(mode: UInt32) throws {
    let scratch = try Scratch()
    let path = scratch.make("node.key", seedText, mode: mode_t(mode))
    #expect(throws: KeyFileFailure.tooWide(mode: mode)) { try SigningKeyFile.read(path) }
}

@Test(arguments: [0o600, 0o400, 0o700] as [UInt32])
func aKeyOfItsOwnerAloneIsRead(mode: UInt32) throws {
    let scratch = try Scratch()
    let path = scratch.make("node.key", [0x20] + seedText + [0x0D, 0x0A], mode: mode_t(mode))
    #expect(try SigningKeyFile.read(path).publicKey.description == NoemaVector.publicKey)
}

@Test func whatIsNoFileIsRefused() throws {
    let scratch = try Scratch()
    #expect(throws: KeyFileFailure.missing) { try SigningKeyFile.read(scratch.file("nothing")) }
    #expect(throws: KeyFileFailure.missing) { try SigningKeyFile.read("") }
    #expect(throws: KeyFileFailure.notAFile) { try SigningKeyFile.read(scratch.path) }

    #expect(symlink(scratch.file("nowhere"), scratch.file("link")) == 0)
    #expect(throws: KeyFileFailure.missing) { try SigningKeyFile.read(scratch.file("link")) }

    #expect(mkfifo(scratch.file("pipe"), 0o600) == 0)
    #expect(throws: KeyFileFailure.notAFile) { try SigningKeyFile.read(scratch.file("pipe")) }

    #expect(throws: KeyFileFailure.missing) {
        try SigningKeyFile.write(.generate(), to: scratch.file("no-such-directory/node.key"))
    }
    let plain = scratch.make("node.key", seedText)
    #expect(throws: KeyFileFailure.missing) { try SigningKeyFile.read(plain + "\0.bak") }
}

@Test func whatIsNoKeyIsRefused() throws {
    let scratch = try Scratch()
    let longest = [UInt8](repeating: 0x20, count: SigningKeyFile.maxBytes - seedText.count) + seedText
    #expect(try SigningKeyFile.read(scratch.make("longest", longest)).publicKey.description == NoemaVector.publicKey)
    #expect(throws: KeyFileFailure.tooLarge(limit: 4096)) {
        try SigningKeyFile.read(scratch.make("longer", [0x20] + longest))
    }
    for (name, text) in [
        ("empty", []), ("short", Array(seedText.dropLast())), ("prefixed", Array("ed25519:".utf8) + seedText),
        ("twice", seedText + [0x0A] + seedText), ("binary", NoemaVector.seed),
    ] as [(String, [UInt8])] {
        #expect(throws: KeyFileFailure.malformed) { try SigningKeyFile.read(scratch.make(name, text)) }
    }
}
