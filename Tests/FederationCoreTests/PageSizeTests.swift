import Testing

@testable import FederationCore

/// How many events are asked for, after what came and what did not.
struct PageSizeTests {
    /// A line that bears pages up to a length; how many pages of `count` events came and how many did not.
    private func pull(_ count: Int, bearing most: Int, _ size: inout PageSize) -> (came: Int, failed: Int) {
        var left = count
        var (came, failed) = (0, 0)
        while left > 0, came + failed < 100_000 {
            let asked = min(size.events, left)
            if asked > most {
                size.failed()
                failed += 1
            } else {
                size.came(with: asked)
                left -= asked
                came += 1
            }
        }
        return (came, failed)
    }

    @Test func aGoodLineIsAskedForFullPages() {
        var size = PageSize()
        #expect(pull(100_000, bearing: .max, &size) == (100, 0))
        #expect(size.events == Limits.pageEvents)
    }

    @Test(arguments: [1, 2, 3, 15, 62, 249, 250, 999]) func whateverALineBearsEverythingComes(most: Int) {
        var size = PageSize()
        let run = pull(50_000, bearing: most, &size)
        // No page comes with more than the line bears: half of that on the average, and one in six fails.
        #expect(run.came <= 50_000 * 3 / most + 20, "\(run)")
        #expect(run.failed <= run.came / 6 + 6, "\(run)")
    }

    @Test func itFallsToOneEventAndNoFurther() {
        var size = PageSize()
        for _ in 0..<20 { size.failed() }
        #expect(size.events == 1)
    }

    @Test func aPeerThatWasAwayIsSoonAskedForFullPagesAgain() {
        var size = PageSize()
        for _ in 0..<1_000 { size.failed() }
        let run = pull(20_000, bearing: .max, &size)
        #expect(run.failed == 0 && run.came < 60, "\(run)")
        #expect(size.events == Limits.pageEvents)
    }

    @Test func shortPagesShowNothingOfLongOnes() {
        var size = PageSize()
        size.failed()
        let before = size.events
        for _ in 0..<100 { size.came(with: before / 2 - 1) }
        #expect(size.events == before)
        size.came(with: before)
        #expect(size.events > before)
    }

    @Test func aPollAsksForAsMuchAsTheLastOneLeft() {
        var bench = PollBench { SizeEcho() }
        #expect(asked(bench.due(), &bench) == Limits.pageEvents)
        // Who is not there teaches nothing; what breaks off does.
        for (failure, expected) in [
            (TransportFailure.refused, 1000), (.nameResolution, 1000), (.timeout, 250), (.reset, 62), (.tls, 62), (.endOfFile, 15),
        ] {
            _ = bench.poll(response: .failure(failure))
            #expect(asked(bench.due(), &bench) == expected, "\(failure)")
        }
    }

    @Test func aPollThatBeginsWithShortPagesGoesOnWithLongerOnes() {
        var bench = PollBench { GrowingEcho() }
        for _ in 0..<5 { _ = bench.poll(response: .failure(.timeout)) }
        let effects = bench.poll()
        let asked = targets(effects).compactMap { Int($0.dropFirst()) }
        #expect(asked.first == 1 && asked.last == Limits.pageEvents && asked.count < 40, "\(asked)")
    }

    /// The limit that the poll which begins with these effects asks for; it goes well.
    private func asked(_ effects: [PollMachine.Effect], _ bench: inout PollBench) -> Int? {
        let all = bench.run(effects)
        for case .send(_, let request, _) in all { return Int(request.target.dropFirst()) }
        return nil
    }
}

/// Takes pages of as many events as it may ask for, until those are of the full length.
private struct GrowingEcho: Exchange {
    private var size = 0

    private func request() -> ExchangeStep { .request(HTTPRequest(.get, "/\(size)"), seals: []) }

    mutating func begin(_ context: ExchangeContext) -> ExchangeStep {
        size = context.pageEvents
        return request()
    }

    mutating func resume(_ answer: ExchangeAnswer, now: WallTime) -> ExchangeStep {
        switch answer {
        case .transport(let failure): return .failed(.transport(failure))
        case .response: return .identify(PollBench.identity())
        case .committed(let outcome):
            guard size < Limits.pageEvents else { return .finished(ExchangeProgress(isComplete: true, wire: .native)) }
            size = outcome.pageEvents ?? size
            return request()
        default:
            let item = PulledItem.unreadable(.notAnObject, bytes: [], id: "", subject: "")
            return .take(PulledPage(items: Array(repeating: item, count: size), cursor: .none))
        }
    }
}

/// Says in its request how many events it was told to ask for.
private struct SizeEcho: Exchange {
    mutating func begin(_ context: ExchangeContext) -> ExchangeStep {
        .request(HTTPRequest(.get, "/\(context.pageEvents)"), seals: [])
    }
    mutating func resume(_ answer: ExchangeAnswer, now: WallTime) -> ExchangeStep {
        if case .transport(let failure) = answer { return .failed(.transport(failure)) }
        return .finished(ExchangeProgress(isComplete: true, wire: .native))
    }
}
