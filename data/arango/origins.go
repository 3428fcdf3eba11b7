package arango

import "encoding/binary"

// Origins remembers which documents values came from, in some bytes more than
// their keys take: messages about a value name its document.
type Origins struct {
	collections []string
	entries     []byte // number of the collection, length of the key, key
}

// collection is the number of a collection.
func (o *Origins) collection(name string) int {
	for i, c := range o.collections {
		if c == name {
			return i
		}
	}
	o.collections = append(o.collections, name)
	return len(o.collections) - 1
}

// add remembers a document and returns its place.
func (o *Origins) add(collection int, key []byte) (place int) {
	place = len(o.entries)
	o.entries = binary.AppendUvarint(o.entries, uint64(collection))
	o.entries = binary.AppendUvarint(o.entries, uint64(len(key)))
	o.entries = append(o.entries, key...)
	return place
}

// Collection and Key name the document at a place.
func (o *Origins) Collection(place int) string {
	collection, _ := binary.Uvarint(o.entries[place:])
	return o.collections[collection]
}

// Key is the _key of the document at a place.
func (o *Origins) Key(place int) []byte {
	_, n := binary.Uvarint(o.entries[place:])
	length, m := binary.Uvarint(o.entries[place+n:])
	return o.entries[place+n+m:][:length]
}

// Name is the _id of the document at a place, for messages.
func (o *Origins) Name(place int) string {
	return o.Collection(place) + "/" + string(o.Key(place))
}
