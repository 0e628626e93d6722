module serin.dev/sandbox/jaeger

go 1.26.7

require github.com/jaegertracing/jaeger v1.76.0
