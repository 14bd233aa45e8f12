package main

import "fmt"

// streamScenarios are those in which messages of one subject flow from publishers to subscribers.
func streamScenarios() []scenario {
	return []scenario{
		{name: "pub16", about: "one publisher, one subscriber, 16 B", bar: cpuBar(0.4), count: counting{first: 200_000}, run: flow(pairs(1, 16))},
		{name: "pub128", about: "one publisher, one subscriber, 128 B", bar: cpuBar(0.4), count: counting{first: 200_000}, run: flow(pairs(1, 128))},
		{name: "pub1k", about: "one publisher, one subscriber, 1 KiB", count: counting{first: 100_000}, run: flow(pairs(1, 1<<10))},
		{name: "pub64k", about: "one publisher, one subscriber, 64 KiB", count: counting{first: 3_000}, run: flow(pairs(1, 64<<10))},
		{name: "pairs4", about: "four publishers with a subscriber each, 128 B", count: counting{first: 200_000}, run: flow(pairs(4, 128))},
		{name: "fan100", about: "one publisher, 100 subscribers with equal sids, 128 B", bar: cpuBar(0.2), count: counting{first: 5_000}, run: flow(fan(100, 128, false))},
		{name: "fan100sid", about: "the same with a different sid for each subscriber", count: counting{first: 5_000}, run: flow(fan(100, 128, true))},
		{name: "fan1000", about: "one publisher, 1000 subscribers with equal sids, 128 B", count: counting{first: 500}, run: flow(fan(1000, 128, false))},
		{name: "queue8", about: "one publisher, a queue group of 8, 128 B", bar: cpuBar(0.4), count: counting{first: 100_000}, run: flow(queue(8, 128))},
		{name: "mix", about: "64 subjects, sizes from 16 B to 16 KiB mixed, one publisher, 4 subscribers", count: counting{first: 100_000}, run: flow(mix)},
	}
}

// pairs is a number of publishers, each with a subject and a subscriber of its own.
func pairs(count, size int) func() []lanePlan {
	return func() []lanePlan {
		var plans []lanePlan
		for i := range count {
			subject := fmt.Sprintf("bench.orders.%d", i)
			plans = append(plans, lanePlan{
				script:    uniform(subject, size),
				listeners: []listener{{subs: []subscription{{subject: subject}}, check: &ordered{lane: i, sid: 1}}},
				fanout:    1,
			})
		}
		return plans
	}
}

// fan is one publisher whose messages all subscribers get. With distinct sids the subscriber number
// i has i other subscriptions first, so that the servers cannot send all of them the same bytes.
func fan(subscribers, size int, distinct bool) func() []lanePlan {
	return func() []lanePlan {
		plan := lanePlan{script: uniform("bench.news", size), fanout: subscribers}
		for i := range subscribers {
			var subs []subscription
			for j := 0; distinct && j < i; j++ {
				subs = append(subs, subscription{subject: fmt.Sprintf("bench.quiet.%d.%d", i, j)})
			}
			subs = append(subs, subscription{subject: "bench.news"})
			plan.listeners = append(plan.listeners, listener{subs: subs, check: &ordered{sid: len(subs)}})
		}
		return []lanePlan{plan}
	}
}

// queue is one publisher and one queue group, each member a connection.
func queue(members, size int) func() []lanePlan {
	return func() []lanePlan {
		plan := lanePlan{script: uniform("bench.jobs", size), fanout: 1}
		for _, m := range newGroup(0, members).members {
			plan.listeners = append(plan.listeners, listener{
				subs:  []subscription{{subject: "bench.jobs", queue: "workers"}},
				check: m,
			})
		}
		return []lanePlan{plan}
	}
}
