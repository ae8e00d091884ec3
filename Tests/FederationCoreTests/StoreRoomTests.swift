import FederationCore
import Testing

@Suite struct StoreRoomTests {
    private func facts(_ database: Int64, reusable: Int64 = 0, wal: Int64 = 0, free: Int64? = .max) -> DiskFacts {
        DiskFacts(database: database, reusable: reusable, writeAheadLog: wal, free: free)
    }

    @Test func withoutAQuotaOnlyTheDiskCounts() {
        let room = StoreRoom()
        #expect(room.verdict(on: facts(1 << 50, wal: 1 << 40)) == .enough)
        #expect(room.verdict(on: facts(0, free: Limits.diskReserve)) == .enough)
        #expect(room.verdict(on: facts(0, free: Limits.diskReserve - 1)) == .diskFull)
        #expect(room.verdict(on: facts(0, free: nil)) == .enough, "a file system that does not say is believed to have it")
    }

    @Test func whatIsStillToBeWrittenIsWrittenTwice() {
        let room = StoreRoom(reserve: 1000)
        #expect(room.verdict(on: facts(0, free: 1200), pending: 100) == .enough)
        #expect(room.verdict(on: facts(0, free: 1199), pending: 100) == .diskFull)
    }

    @Test(arguments: [
        (100, 0, 0, 0, .enough), (101, 0, 0, 0, .quotaReached(limit: 100)), (101, 1, 0, 0, .enough),
        (60, 0, 40, 0, .enough), (60, 0, 41, 0, .foldFirst), (100, 0, 1, 0, .foldFirst),
        (101, 0, 50, 0, .quotaReached(limit: 100)), (60, 0, 30, 11, .foldFirst), (60, 0, 30, 10, .enough),
        (60, 0, 0, 41, .quotaReached(limit: 100)), (150, 60, 5, 5, .enough),
    ] as [(Int64, Int64, Int64, Int64, StoreRoom.Verdict)])
    func aQuotaIsForBothFiles(
        _ database: Int64, _ reusable: Int64, _ wal: Int64, _ pending: Int64, _ verdict: StoreRoom.Verdict
    ) {
        let room = StoreRoom(maxBytes: 100)
        #expect(room.verdict(on: facts(database, reusable: reusable, wal: wal), pending: pending) == verdict)
    }

    @Test func aFullDiskIsSaidBeforeAQuota() {
        #expect(StoreRoom(maxBytes: 1).verdict(on: facts(100, free: 0)) == .diskFull)
    }

    @Test func aFullStoreIsAReasonOfItsOwnAndPasses() {
        for failure in [StoreFailure.full, .quota(limit: 1)] {
            #expect(failure.isFull && failure.isRetryable)
            #expect(ExchangeFailure.store(failure).reason == .storeFull)
        }
        #expect(ExchangeFailure.store(.busy).reason == .other)
    }
}
