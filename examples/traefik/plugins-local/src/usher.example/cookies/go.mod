module usher.example/cookies

go 1.21
