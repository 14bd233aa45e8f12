package main

import (
	"fmt"
	"math/rand/v2"
)

const manySubjects = 100_000

// subjectScenarios are those in which a publisher uses many subjects.
func subjectScenarios() []scenario {
	return []scenario{
		{name: "subj100k", about: "100 k subjects with one literal subscription each, on 4 connections, in random order, 128 B", bar: cpuBar(0.3), count: counting{first: 100_000}, run: flow(literals)},
		{name: "wild100k", about: "100 k subjects in random order, two subscribers with a wildcard each, 128 B", bar: cpuBar(0.3), count: counting{first: 100_000}, run: flow(wildcards)},
	}
}

// shuffled is a random source that is the same in every run, so that both servers get equal work.
func shuffled() *rand.Rand { return rand.New(rand.NewPCG(20, 26)) }

func numbered(n int) string { return fmt.Sprintf("bench.%d.orders", n) }

// manyPosts is one message to each of many subjects in random order; number tells the subject at each
// position.
func manyPosts(size int) (posts []post, number []int) {
	number = shuffled().Perm(manySubjects)
	for _, n := range number {
		posts = append(posts, post{numbered(n), size})
	}
	return posts, number
}

// literals is many subjects with one subscription each.
func literals() []lanePlan {
	posts, number := manyPosts(128)
	return []lanePlan{deal(posts, number, manySubjects)}
}

// mix is a random sequence of 64 subjects and eight sizes, small ones more often.
func mix() []lanePlan {
	const subjects, length = 64, 10_000
	sizes := []int{16, 16, 16, 16, 64, 64, 64, 128, 128, 128, 256, 512, 512, 1 << 10, 4 << 10, 16 << 10}
	random := shuffled()
	var posts []post
	var number []int
	for range length {
		n := random.IntN(subjects)
		number = append(number, n)
		posts = append(posts, post{numbered(n), sizes[random.IntN(len(sizes))]})
	}
	return []lanePlan{deal(posts, number, subjects)}
}

// deal gives each of the numbered subjects to one of four connections: connection c has those whose
// number modulo 4 is c. number tells the subject of each post.
func deal(posts []post, number []int, subjects int) lanePlan {
	const connections = 4
	plan := lanePlan{script: newScript(posts), fanout: 1}
	for c := range connections {
		var subs []subscription
		for n := c; n < subjects; n += connections {
			subs = append(subs, subscription{subject: numbered(n)})
		}
		sidOf := func(position int) int {
			if n := number[position]; n%connections == c {
				return n/connections + 1
			}
			return 0
		}
		plan.listeners = append(plan.listeners, listener{subs: subs, check: &ordered{route: newRoute(plan.script, sidOf)}})
	}
	return plan
}

// wildcards gives every message to two connections.
func wildcards() []lanePlan {
	posts, _ := manyPosts(128)
	plan := lanePlan{script: newScript(posts), fanout: 2}
	for _, pattern := range []string{"bench.*.orders", "bench.>"} {
		plan.listeners = append(plan.listeners, listener{
			subs:  []subscription{{subject: pattern}},
			check: &ordered{route: newRoute(plan.script, func(int) int { return 1 })},
		})
	}
	return []lanePlan{plan}
}
