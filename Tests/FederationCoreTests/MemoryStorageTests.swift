import FederationCore
import FederationTestKit
import Testing

@Suite struct MemoryStorageTests {
    @Test(arguments: StorageContract.allCases)
    func theStoreInMemoryKeepsTheContract(_ rule: StorageContract) throws {
        var storage = MemoryStorage()
        try rule.check(&storage)
    }

    @Test func aFailedTransactionLeavesNothingBehind() throws {
        var storage = MemoryStorage()
        storage.writesUntilFull = 1
        #expect(throws: StoreFailure.full) {
            try storage.transaction { log throws(StoreFailure) in
                try log.setState("a", "1")
                try log.setState("b", "2")
            }
        }
        #expect(storage.states(prefix: "").isEmpty)
        try storage.transaction { log throws(StoreFailure) in try log.setState("a", "1") }
        #expect(storage.state("a") == "1")
    }
}
