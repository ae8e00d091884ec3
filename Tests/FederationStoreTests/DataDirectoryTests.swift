import FederationCore
import FederationStore
import Glibc
import Testing

@Test func onlyOneHoldsADataDirectory() throws {
    let scratch = ScratchDirectory()
    do {
        let lock = try DataDirectoryLock(directory: scratch.path)
        #expect(scratch.read("lock") == Array("\(getpid())\n".utf8))
        #expect(throws: DataDirectoryLockFailure.held(by: getpid())) { try DataDirectoryLock(directory: scratch.path) }
        withExtendedLifetime(lock) {}
    }
    _ = try DataDirectoryLock(directory: scratch.path)
}

@Test func aLockOfAProcessThatDiedIsFree() throws {
    let scratch = ScratchDirectory()
    scratch.write("lock", Array("4194303999\nnonsense that is longer than a process id".utf8))
    let lock = try DataDirectoryLock(directory: scratch.path)
    #expect(scratch.read("lock") == Array("\(getpid())\n".utf8))
    // What stands in the file of a holder that wrote nonsense is not believed.
    scratch.write("lock", [0xFF, 0x1B, 0x5B])
    #expect(throws: DataDirectoryLockFailure.held(by: nil)) { try DataDirectoryLock(directory: scratch.path) }
    withExtendedLifetime(lock) {}
}

@Test func aDirectoryThatIsNotThereIsNotLocked() {
    let scratch = ScratchDirectory()
    #expect(throws: DataDirectoryLockFailure.missing) { try DataDirectoryLock(directory: scratch.file("none")) }
    #expect(throws: DataDirectoryLockFailure.missing) { try DataDirectoryLock(directory: "a\0b") }
}

@Test func aCopyIsAnotherFile() throws {
    let scratch = ScratchDirectory()
    scratch.write("a.db", [1, 2, 3])
    let identity = try DatabaseFileIdentity(of: scratch.file("a.db"))
    scratch.write("b.db", [1, 2, 3])
    #expect(try DatabaseFileIdentity(of: scratch.file("b.db")) != identity)

    // Written to, or renamed, it is the same file.
    scratch.write("a.db", [4, 5, 6, 7])
    #expect(try DatabaseFileIdentity(of: scratch.file("a.db")) == identity)
    #expect(rename(scratch.file("a.db"), scratch.file("c.db")) == 0)
    #expect(try DatabaseFileIdentity(of: scratch.file("c.db")) == identity)
    #expect(throws: StoreFailure.cannotOpen) { try DatabaseFileIdentity(of: scratch.file("a.db")) }
}

@Test func anIdentityIsReadAsItWasWritten() throws {
    let scratch = ScratchDirectory()
    scratch.write("a.db", [])
    let identity = try DatabaseFileIdentity(of: scratch.file("a.db"))
    #expect(identity.inode != 0)
    #expect(DatabaseFileIdentity(identity.description) == identity)
    for text in ["", "@", "1", "1@", "@1", "x@1", "1@2@3", "99999999999999999999@1"] {
        #expect(DatabaseFileIdentity(text) == nil)
    }
}

@Test func theMachineIsNamedByAHashOfItsID() {
    let scratch = ScratchDirectory()
    let stub: SHA256 = { bytes in Digest(Array(bytes.suffix(32)))! }
    let id = Array("0123456789abcdef0123456789abcdef".utf8)
    scratch.write("machine-id", id + [0x0A])
    #expect(machineIdentity(stub, file: scratch.file("machine-id")) == Digest(id))
    scratch.write("machine-id", Array("uninitialized\n".utf8))
    #expect(machineIdentity(stub, file: scratch.file("machine-id")) == nil)
    #expect(machineIdentity(stub, file: scratch.file("none")) == nil)
}
