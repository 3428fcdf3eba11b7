package train

// Balanced is balanced.
var Balanced = balanced
